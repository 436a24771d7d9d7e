import { describe, expect, test } from 'vitest';
import type { EncodedMedia } from '../core/executor';
import { decode } from '../reference/model/decoder';
import { randomWeights } from '../reference/model/random-weights';
import { resample } from '../reference/model/resampler';
import { uniform } from '../reference/random';
import { worst } from '../testing/engine-case';
import { MODEL_VARIANTS } from '../testing/model-variants';
import { weightValues } from '../testing/ort-model';
import { testDevice } from '../testing/test-device';
import { WgslExecutor } from './engine';

const IDS = Array.from({ length: 13 }, (_, i) => (i * 31 + 5) % 97);
const LAST = [-1, -1, 0, 0, 1, 1, 2, 2, 2, 1, 1, -1, 2];
const FIRST = [-1, -1, 0, 0, 0, 0, 2, 2, 1, 0, 1, -1, 0];

// All on the driver with f16, which keeps what it compiled; others run the one with layers in the place of blocks.
const gpu = await testDevice({ f16: false, subgroups: true });
const { f16 } = await testDevice({ f16: true, subgroups: true });
const variants = Object.entries(MODEL_VARIANTS).filter(
  ([, { gated }]) => gated.sees && (f16 || gated.placement === 'replace'),
);

describe.each(variants)('engine: %s', (_, config) => {
  test('equals the f64 reference, whole and token by token', async () => {
    const weights = randomWeights(config, 'f32');
    using executor = WgslExecutor.create(gpu, config, 'f32');
    await executor.load(weights);
    const values = await weightValues(config, 'f32', weights);
    const { tiles = 1, patches, width } = config.vision;
    const seen = [config.resampler.latents, 1, config.resampler.latents - 2];
    const features = seen.map((_n, m) => uniform(tiles * patches * width, -2, 2, m + 1));
    const media: EncodedMedia[] = [];
    for (const [m, values_] of features.entries()) media.push(await executor.encodeMedia(values_, tiles, seen[m]));
    const wanted = decode(config, values, {
      ids: IDS,
      mediaIndex: LAST,
      mediaFirst: FIRST,
      media: features.map((values_, m) => resample(config, values, values_, seen[m])),
    });
    const step = (start: number, end: number) => ({
      ids: IDS.slice(start, end),
      mediaIndex: LAST.slice(start, end),
      mediaFirst: FIRST.slice(start, end),
      media,
      logits: 'all' as const,
    });
    using sequence = await executor.createSequence(20);
    const taps = config.gated.before.map((_b, k) => `attention.${k}`);
    const whole = await sequence.append({ ...step(0, IDS.length), taps });
    expect(worst(whole.logits, wanted.logits.flat())).toBeLessThan(1e-4);
    for (const [k, heads] of wanted.attention.entries())
      expect(worst(whole.taps.get(`attention.${k}`), heads.flat(2)), `attention.${k}`).toBeLessThan(1e-5);
    sequence.truncate(0);
    for (let t = 0; t < IDS.length; t++)
      expect(worst((await sequence.append(step(t, t + 1))).logits, wanted.logits[t]), `token ${t}`).toBeLessThan(1e-4);
  });
});
