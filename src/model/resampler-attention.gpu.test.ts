import { expect, test } from 'vitest';
import { randomWeights } from '../reference/model/random-weights';
import { resample } from '../reference/model/resampler';
import { uniform } from '../reference/random';
import { MODEL_VARIANTS } from '../testing/model-variants';
import { weightValues } from '../testing/ort-model';
import { isDeep } from '../testing/parity';
import { testDevice } from '../testing/test-device';
import { tinyConfig } from '../testing/tiny-model';
import { WgslExecutor } from './engine';

const layer = { kind: 'layer', eps: 1e-5, bias: true } as const;
const { f16 } = await testDevice({ f16: true, subgroups: true });

/** Norms of q and k, clips with more frames than were trained: everything that a resampler can have. */
const config = tinyConfig({ resampler: { maxFrames: 4, qkNorm: layer } });

// On the driver with f16, which keeps what it compiled; activations in f16 are pipelines of their own, a part of the deep tier.
const elements = [['f32', 1e-5] as const, ...(isDeep() ? [['f16', 5e-3] as const] : [])];

test.runIf(f16).each(elements)('the resampler tells what its latents attended to, %s', async (elem, bound) => {
  const weights = randomWeights(config, 'f32');
  const gpu = await testDevice({ f16: elem === 'f16', subgroups: true });
  using executor = WgslExecutor.create(gpu, config, 'f32', { elem });
  await executor.load(weights);
  const values = await weightValues(config, 'f32', weights);
  const { patches, width } = config.vision;
  const before = gpu.ledger.bytes.scratch;
  for (const frames of [6, 1]) {
    const features = uniform(frames * patches * width, -2, 2, frames);
    const got = await executor.resamplerAttention(features, frames);
    const { attention } = resample(config, values, features);
    expect(got).toHaveLength(attention.length);
    for (const [i, heads] of attention.entries()) {
      const want = heads.flat(2);
      expect(got[i]).toHaveLength(want.length);
      const worst = want.reduce((most, value, j) => Math.max(most, Math.abs(value - got[i][j])), 0);
      expect(worst, `layer ${i}, ${frames} frames`).toBeLessThan(bound);
    }
  }
  expect(gpu.ledger.bytes.scratch).toBe(before);
});

test('a model without a resampler says so', async () => {
  const projection = Object.values(MODEL_VARIANTS).find(({ resampler }) => resampler.kind === 'projection')!;
  using executor = WgslExecutor.create(await testDevice({ f16: false, subgroups: true }), projection, 'f32');
  await expect(executor.resamplerAttention(new Float32Array(1), 1)).rejects.toMatchObject({ code: 'unsupported' });
});
