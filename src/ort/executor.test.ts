import { expect, test } from 'vitest';
import type { WeightType } from '../core/dtypes';
import type { EncodedMedia } from '../core/executor';
import type { FlamingoConfig } from '../format/config';
import { decode, type ReferenceResult } from '../reference/model/decoder';
import { type ReferenceMedium, resample } from '../reference/model/resampler';
import { MODEL_VARIANTS } from '../testing/model-variants';
import { modelFiles, weightValues } from '../testing/ort-model';
import { randomSource, uniform } from '../testing/random';
import { randomWeights } from '../testing/tiny-model';
import { OrtExecutor } from './executor';

const ids = Array.from({ length: 13 }, (_, i) => (i * 37 + 5) % 97);
/** Text first, two pictures, back to the first, text without a picture in the end. */
const mediaIndex = [-1, -1, 0, 0, 0, 1, 1, 1, 2, 0, 0, -1, 1];

interface Model {
  config: FlamingoConfig;
  executor: OrtExecutor;
  media: EncodedMedia[];
  referenceMedia: ReferenceMedium[];
  expected: ReferenceResult;
}

async function load(config: FlamingoConfig, type: WeightType): Promise<Model> {
  const reader = randomWeights(config, type);
  const { resampler, decoder } = await modelFiles(config, type, reader);
  const executor = await OrtExecutor.load(config, resampler, decoder);
  const values = await weightValues(config, type, reader);
  const frames = config.resampler.maxFrames === null ? [1, 1, 2] : [1, 3, 4];
  const features = frames.map((f, m) => uniform(f * config.vision.patches * config.vision.width, -2, 2, m + 1));
  const media: EncodedMedia[] = [];
  for (const [m, f] of frames.entries()) media.push(await executor.encodeMedia(features[m], f));
  const referenceMedia = features.map((values_) => resample(config, values, values_));
  const expected = decode(config, values, { ids, mediaIndex, media: referenceMedia });
  return { config, executor, media, referenceMedia, expected };
}

function difference(actual: ArrayLike<number> | undefined, expected: readonly number[]): number {
  expect(actual?.length).toBe(expected.length);
  return expected.reduce((worst, value, i) => Math.max(worst, Math.abs(value - actual![i])), 0);
}

const cases = Object.keys(MODEL_VARIANTS).flatMap((name) =>
  (['f32', 'f16', 'q8', 'q4'] as const).map((type) => [name, type] as const),
);

test.each(cases)('%s, %s: latents, logits, hidden states and attention equal the f64 reference', async (name, type) => {
  const { config, executor, media, referenceMedia, expected } = await load(MODEL_VARIANTS[name], type);
  for (const [m, medium] of media.entries()) {
    expect(difference(await medium.latents(), referenceMedia[m].latents.flat())).toBeLessThan(1e-4);
  }
  const taps = [...expected.hidden.keys()]
    .map((i) => `hidden.${i}`)
    .concat(config.gated.before.map((_, k) => `attention.${k}`));
  using sequence = await executor.createSequence(20);
  const result = await sequence.append({ ids, mediaIndex, media, logits: 'all', taps });
  expect(difference(result.logits, expected.logits.flat())).toBeLessThan(1e-4);
  for (const [i, rows] of expected.hidden.entries()) {
    expect(difference(result.taps.get(`hidden.${i}`), rows.flat()), `hidden.${i}`).toBeLessThan(1e-4);
  }
  for (const [k, heads] of expected.attention.entries()) {
    const tap = result.taps.get(`attention.${k}`);
    expect(difference(tap, heads.flat(2)), `attention.${k}`).toBeLessThan(1e-5);
  }
  executor[Symbol.dispose]();
});
