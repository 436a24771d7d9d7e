import { expect } from 'vitest';
import { decode } from '../../reference/model/decoder';
import { resample } from '../../reference/model/resampler';
import { encodePixels } from '../../reference/model/vision';
import { uniform } from '../../reference/random';
import { loadFolder } from '../../session/load-node';
import type { FlamingoCheckpoint } from './flamingo';

const ids = [5, 42, 79, 19, 56, 93, 1, 0, 30];
const mediaIndex = [-1, 0, 0, 1, 1, 1, 0, 0, 1];

/** Largest difference, relative to the largest expected value; NaN counts as infinite. */
function difference(got: ArrayLike<number>, expected: readonly number[]): number {
  const worst = expected.reduce(
    (most, value, i) => Math.max(most, Math.abs(value - got[i]) || (got[i] === value ? 0 : Number.POSITIVE_INFINITY)),
    0,
  );
  return worst / expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

/** Features, latents, what they attended to, hidden states and logits of the package, by either executor, against the f64 references over the source's own tensors. */
export async function expectSameModel(
  folder: string,
  { config, vision, values }: Pick<FlamingoCheckpoint, 'config' | 'vision' | 'values'>,
  frames: number,
  executor: 'webgpu' | 'wasm',
): Promise<void> {
  await using model = await loadFolder(folder, { executor });
  const { imageSize: S } = config.vision;
  const media = [];
  const expected = [];
  for (const m of [0, 1]) {
    const pixels = uniform(frames * 3 * S * S, -2, 2, m + 1);
    const features = await model.vision.encode(pixels, frames);
    const each = 3 * S * S;
    const wanted = Array.from({ length: frames }, (_, f) =>
      encodePixels(vision, values, pixels.subarray(f * each, (f + 1) * each)),
    ).flat(2);
    expect(difference(features, wanted), `features of ${m}`).toBeLessThan(1e-5);
    media.push(await model.engine.encodeMedia(features, frames));
    expected.push(resample(config, values, wanted));
    expect(difference(await media[m].latents(), expected[m].latents.flat()), `latents of ${m}`).toBeLessThan(1e-5);
    const attention = await model.engine.resamplerAttention(features, frames);
    expect(attention).toHaveLength(expected[m].attention.length);
    for (const [i, probabilities] of attention.entries())
      expect(
        difference(probabilities, expected[m].attention[i].flat(2)),
        `attention of layer ${i} to ${m}`,
      ).toBeLessThan(1e-4);
  }
  const wanted = decode(config, values, { ids, mediaIndex, media: expected });
  using sequence = await model.engine.createSequence(32);
  const taps = wanted.hidden.map((_, i) => `hidden.${i}`);
  const step = await sequence.append({ ids, mediaIndex, media, logits: 'all', taps });
  for (const [i, rows] of wanted.hidden.entries())
    expect(difference(step.taps.get(`hidden.${i}`)!, rows.flat()), `block ${i}`).toBeLessThan(1e-5);
  expect(difference(step.logits!, wanted.logits.flat()), 'logits').toBeLessThan(1e-5);
  for (const medium of media) medium[Symbol.dispose]();
}
