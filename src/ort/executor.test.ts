import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildResampler } from '../convert/graphs/resampler';
import type { WeightType } from '../core/dtypes';
import { isPerceiver } from '../format/config';
import { randomWeights } from '../reference/model/random-weights';
import { uniform } from '../reference/random';
import { MODEL_VARIANTS } from '../testing/model-variants';
import { difference, firstsOf, ids, load, type Model, mediaIndex } from '../testing/ort-case';
import { graphFiles, modelFiles } from '../testing/ort-model';
import { tinyConfig } from '../testing/tiny-model';
import { OrtExecutor } from './executor';

/** f32 and q4 of every variant; the other two types share their code with these and are tried on a tied and an untied head. */
const names = Object.keys(MODEL_VARIANTS);
const cases: (readonly [string, WeightType])[] = [
  ...names.flatMap((name) => (['f32', 'q4'] as const).map((type) => [name, type] as const)),
  ...names.slice(2, 4).flatMap((name) => (['f16', 'q8'] as const).map((type) => [name, type] as const)),
];

describe.each(cases)('%s, %s', (name, type) => {
  let model: Model;
  beforeAll(async () => {
    model = await load(MODEL_VARIANTS[name], type);
  });
  afterAll(() => model.executor[Symbol.dispose]());

  test('latents, logits, hidden states and attention equal the f64 reference', async () => {
    const { config, executor, media, referenceMedia, expected } = model;
    for (const [m, medium] of media.entries()) {
      expect(difference(await medium.latents(), referenceMedia[m].latents.flat())).toBeLessThan(1e-4);
    }
    const taps = [...expected.hidden.keys()]
      .map((i) => `hidden.${i}`)
      .concat(config.gated.before.map((_, k) => `attention.${k}`));
    using sequence = await executor.createSequence(20);
    const seen = { mediaIndex, mediaFirst: firstsOf(config) };
    const result = await sequence.append({ ids, ...seen, media, logits: 'all', taps });
    expect(difference(result.logits, expected.logits.flat())).toBeLessThan(1e-4);
    for (const [i, rows] of expected.hidden.entries()) {
      expect(difference(result.taps.get(`hidden.${i}`), rows.flat()), `hidden.${i}`).toBeLessThan(1e-4);
    }
    for (const [k, heads] of expected.attention.entries()) {
      const tap = result.taps.get(`attention.${k}`);
      expect(difference(tap, heads.flat(2)), `attention.${k}`).toBeLessThan(1e-5);
    }
  });

  test('the resampler tells what its latents attended to', async () => {
    const { config, executor, referenceMedia, features, frames } = model;
    for (const [m, { attention }] of referenceMedia.entries()) {
      const asked = executor.resamplerAttention(features[m], frames[m]);
      if (!isPerceiver(config.resampler)) await expect(asked).rejects.toMatchObject({ code: 'unsupported' });
      else
        for (const [i, got] of (await asked).entries())
          expect(difference(got, attention[i].flat(2))).toBeLessThan(1e-5);
    }
  });

  test('token by token, and after a fork and a rewind, the logits stay the same', async () => {
    const { config, executor, media, expected } = model;
    const step = (start: number, end: number) => ({
      ids: ids.slice(start, end),
      mediaIndex: mediaIndex.slice(start, end),
      mediaFirst: firstsOf(config)?.slice(start, end),
      media,
      logits: 'all' as const,
    });
    const rows = (start: number, end: number) => expected.logits.slice(start, end).flat();
    using sequence = await executor.createSequence(20);
    expect(difference((await sequence.append(step(0, 4))).logits, rows(0, 4))).toBeLessThan(1e-4);
    using copy = await sequence.fork();
    for (let t = 4; t < ids.length; t++) {
      expect(difference((await sequence.append(step(t, t + 1))).logits, rows(t, t + 1)), `token ${t}`).toBeLessThan(
        1e-4,
      );
    }
    expect(copy.length).toBe(4);
    expect(difference((await copy.append(step(4, ids.length))).logits, rows(4, ids.length))).toBeLessThan(1e-4);
    sequence.truncate(7);
    expect(difference((await sequence.append(step(7, 10))).logits, rows(7, 10))).toBeLessThan(1e-4);
  });
});

test('a package written before says that its graph cannot tell what latents attended to', async () => {
  const config = tinyConfig();
  const weights = randomWeights(config, 'f32');
  const plan = buildResampler(config, 'f32');
  const before = {
    ...plan,
    outputs: plan.outputs.filter(({ name }) => !name.startsWith('resampler_attention')),
    nodes: plan.nodes.filter(({ outputs: [name] }) => !name.startsWith('resampler_attention')),
  };
  const { decoder } = await modelFiles(config, 'f32', weights);
  const executor = await OrtExecutor.load(config, await graphFiles(before, weights), decoder);
  const features = uniform(config.vision.patches * config.vision.width, -2, 2, 1);
  using medium = await executor.encodeMedia(features, 1);
  expect(await medium.latents()).toHaveLength(config.resampler.latents * config.vision.width);
  await expect(executor.resamplerAttention(features, 1)).rejects.toMatchObject({ code: 'unsupported' });
  executor[Symbol.dispose]();
});
