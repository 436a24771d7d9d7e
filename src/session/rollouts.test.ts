import { expect, test } from 'vitest';
import type { EncodedMedia } from '../core/executor';
import { tinyConfig } from '../testing/tiny-model';
import { Rollouts } from './rollouts';

const medium = (): EncodedMedia => ({
  bytes: 0,
  latents: async () => new Float32Array(),
  save: async () => new Uint8Array(),
  [Symbol.dispose]() {},
});
const asked = () => Promise.reject(new Error('asked for'));

test('of a picture in tiles says how these lie, and needs nothing but that where there is no resampler', async () => {
  const config = tinyConfig({
    vision: { tiles: 4, patches: 5 },
    resampler: { kind: 'projection', latents: 20, maxFrames: null },
  });
  const rollouts = new Rollouts({ resamplerAttention: asked }, config);
  const [first, second] = [medium(), medium()];
  const made = await rollouts.make(first, { frames: 4, tiles: { arrangement: 3, filled: 3 } }, asked);
  expect(made).toEqual({
    frames: 4,
    grid: { classTokens: 1, height: 2, width: 2 },
    tiles: { rows: 1, columns: 3 },
  });
  expect(rollouts.of(first)).toBe(made);
  expect(rollouts.of(second)).toBeUndefined();
});

test('is refused for features that are no square of patches, before anything is computed', async () => {
  const rollouts = new Rollouts({ resamplerAttention: asked }, tinyConfig({ vision: { patches: 7 } }));
  expect(() => rollouts.check()).toThrow(expect.objectContaining({ code: 'unsupported', details: { patches: 7 } }));
});
