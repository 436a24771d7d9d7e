import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildResampler } from '../convert/graphs/resampler';
import type { WeightType } from '../core/dtypes';
import type { EncodedMedia } from '../core/executor';
import { type FlamingoConfig, isPerceiver, seesRanges } from '../format/config';
import { decode, type ReferenceResult } from '../reference/model/decoder';
import { randomWeights } from '../reference/model/random-weights';
import { type ReferenceMedium, resample } from '../reference/model/resampler';
import { uniform } from '../reference/random';
import { expectLanesAsAlone } from '../testing/lanes-case';
import { MODEL_VARIANTS } from '../testing/model-variants';
import { graphFiles, modelFiles, weightValues } from '../testing/ort-model';
import { tinyConfig } from '../testing/tiny-model';
import { expectVectorsAsReference, VECTOR_CONFIGS } from '../testing/vectors-case';
import { OrtExecutor } from './executor';

const ids = Array.from({ length: 13 }, (_, i) => (i * 37 + 5) % 97);
/** Text first, two pictures, back to the first, text without a picture in the end. */
const mediaIndex = [-1, -1, 0, 0, 0, 1, 1, 1, 2, 0, 0, -1, 1];
/** For models whose tokens see several: where the range begins. */
const firsts = [-1, -1, 0, 0, 0, 0, 1, 0, 1, 0, 0, -1, 0];

interface Model {
  config: FlamingoConfig;
  executor: OrtExecutor;
  media: EncodedMedia[];
  referenceMedia: ReferenceMedium[];
  features: Float32Array[];
  frames: number[];
  expected: ReferenceResult;
}

async function load(config: FlamingoConfig, type: WeightType): Promise<Model> {
  const reader = randomWeights(config, type);
  const { resampler, decoder } = await modelFiles(config, type, reader);
  const executor = await OrtExecutor.load(config, resampler, decoder);
  const values = await weightValues(config, type, reader);
  const { tiles } = config.vision;
  const untiled = config.resampler.maxFrames === null ? [1, 1, 2] : [1, 4, 9]; // 9: more than were trained
  const frames = tiles ? [tiles, tiles, tiles] : untiled;
  const seen = [undefined, tiles && config.resampler.latents - 2, tiles && 1]; // padding behind some
  const features = frames.map((f, m) => uniform(f * config.vision.patches * config.vision.width, -2, 2, m + 1));
  const media: EncodedMedia[] = [];
  for (const [m, f] of frames.entries()) media.push(await executor.encodeMedia(features[m], f, seen[m]));
  const referenceMedia = features.map((values_, m) => resample(config, values, values_, seen[m]));
  const expected = decode(config, values, { ids, mediaIndex, mediaFirst: firstsOf(config), media: referenceMedia });
  return { config, executor, media, referenceMedia, features, frames, expected };
}

function firstsOf(config: FlamingoConfig): number[] | undefined {
  return seesRanges(config) ? firsts : undefined;
}

function difference(actual: ArrayLike<number> | undefined, expected: readonly number[]): number {
  expect(actual?.length).toBe(expected.length);
  return expected.reduce((worst, value, i) => Math.max(worst, Math.abs(value - actual![i])), 0);
}

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

describe('a sequence', () => {
  const config = tinyConfig();

  test('gives the same logits whatever picture nobody sees, and with none at all', async () => {
    const { executor, media } = await load(config, 'f32');
    const blind = { ids, mediaIndex: ids.map(() => -1), logits: 'all' as const };
    const run = async (shown: readonly EncodedMedia[]) => {
      using sequence = await executor.createSequence(20);
      return (await sequence.append({ ...blind, media: shown })).logits;
    };
    const none = await run([]);
    expect(await run([media[0]])).toEqual(none);
    expect(await run([media[1]])).toEqual(none);
    executor[Symbol.dispose]();
  });

  test('changes only at tokens that see a picture when that picture changes', async () => {
    const { executor, media } = await load(config, 'f32');
    const hidden = async (shown: readonly EncodedMedia[]) => {
      using sequence = await executor.createSequence(20);
      const { taps } = await sequence.append({ ids, mediaIndex, media: shown, taps: ['hidden.1'] });
      return taps.get('hidden.1')!;
    };
    const [before, after] = [await hidden(media), await hidden([media[0], media[1], media[0]])];
    const changed = ids
      .map((_, t) => t)
      .filter((t) => {
        const row = (values: Float32Array) => values.subarray(t * config.width, (t + 1) * config.width).join();
        return row(before) !== row(after);
      });
    expect(changed).toEqual([8, 9, 10, 11, 12]); // token 8 sees it, and later ones see token 8
    executor[Symbol.dispose]();
  });

  test('prefills more tokens than one run takes, with taps put together', async () => {
    const { executor, media } = await load(config, 'f32');
    const long = Array.from({ length: 150 }, (_, i) => (i * 31 + 7) % 97);
    const seen = long.map((_, i) => (i < 70 ? 0 : 2));
    using whole = await executor.createSequence(200);
    const all = await whole.append({
      ids: long,
      mediaIndex: seen,
      media,
      logits: 'all',
      taps: ['attention.1', 'hidden.2'],
    });
    expect(all.logits).toHaveLength(150 * config.vocab);
    using parts = await executor.createSequence(200);
    const collected: number[] = [];
    for (let t = 0; t < 150; t += 50) {
      const part = { ids: long.slice(t, t + 50), mediaIndex: seen.slice(t, t + 50), media, logits: 'all' as const };
      const { logits, taps } = await parts.append({ ...part, taps: ['attention.1'] });
      collected.push(...logits!);
      const width = 3 * config.resampler.latents;
      const head2 = taps.get('attention.1')!.subarray(2 * 50 * width, 3 * 50 * width);
      const expected = all.taps.get('attention.1')!.subarray((2 * 150 + t) * width, (2 * 150 + t + 50) * width);
      expect(difference(head2, [...expected])).toBeLessThan(1e-5);
    }
    expect(difference(all.logits, collected)).toBeLessThan(1e-4);
    expect(all.taps.get('hidden.2')).toHaveLength(150 * config.width);
    executor[Symbol.dispose]();
  });

  test('at visual strength 0 is bit-equal to closed gates', async () => {
    const { executor, media } = await load(config, 'f32');
    const closedFiles = await modelFiles(config, 'f32', randomWeights(config, 'f32', { gates: 0 }));
    const closed = await OrtExecutor.load(config, closedFiles.resampler, closedFiles.decoder);
    const run = async (on: OrtExecutor, visualStrength: number) => {
      using sequence = await on.createSequence(20);
      return (await sequence.append({ ids, mediaIndex, media, logits: 'all', visualStrength })).logits;
    };
    expect(await run(executor, 0)).toEqual(await run(closed, 1));
    expect(await run(executor, 0.5)).not.toEqual(await run(executor, 1));
    executor[Symbol.dispose]();
    closed[Symbol.dispose]();
  });

  test.each(VECTOR_CONFIGS)('takes vectors in the place of tokens: %s', async (_, learned) => {
    const reader = randomWeights(learned, 'f32');
    const files = await modelFiles(learned, 'f32', reader, { given: true });
    const executor = await OrtExecutor.load(learned, files.resampler, files.decoder);
    await expectVectorsAsReference(executor, learned, await weightValues(learned, 'f32', reader));
    const features = new Float32Array(config.vision.patches * config.vision.width).fill(0.5);
    const picture = await executor.encodeMedia(features, 1);
    await expectLanesAsAlone(executor, [picture, picture], 40);
    executor[Symbol.dispose]();
  });

  test('refuses vectors where its graph takes none', async () => {
    const { executor } = await load(config, 'f32');
    using sequence = await executor.createSequence(4);
    const vectors = [new Float32Array(config.width)];
    const given = sequence.append({ ids: [1], mediaIndex: [-1], media: [], vectors });
    await expect(given).rejects.toMatchObject({ code: 'unsupported', hint: expect.stringContaining('--mapper') });
    executor[Symbol.dispose]();
  });

  test('runs continuations side by side as it runs each alone', async () => {
    const { executor, media } = await load(config, 'f32');
    await expectLanesAsAlone(executor, media.slice(0, 2), 40);
    executor[Symbol.dispose]();
  });

  test('reads only the last logits, and chooses from them', async () => {
    const { executor, media, expected } = await load(config, 'f32');
    using sequence = await executor.createSequence(20);
    const last = expected.logits.at(-1)!;
    const best = last.indexOf(Math.max(...last));
    const greedy = { temperature: 0, topK: 0, topP: 1, seed: 0, step: 0 };
    const result = await sequence.append({
      ids,
      mediaIndex,
      media,
      logits: 'last',
      sample: { ...greedy, suppress: [] },
    });
    expect(difference(result.logits, last)).toBeLessThan(1e-4);
    expect(result.token).toBe(best);
    sequence.truncate(12);
    const again = { ids: ids.slice(12), mediaIndex: mediaIndex.slice(12), media };
    const other = await sequence.append({ ...again, sample: { ...greedy, suppress: [best] } });
    expect(other.logits).toBeUndefined();
    expect(other.token).toBe(last.indexOf(Math.max(...last.filter((_, id) => id !== best))));
    executor[Symbol.dispose]();
  });

  test('refuses what does not fit before anything is computed', async () => {
    const { executor, media } = await load(config, 'f32');
    using sequence = await executor.createSequence(4);
    await expect(sequence.append({ ids, mediaIndex, media })).rejects.toMatchObject({ code: 'context-overflow' });
    await expect(sequence.append({ ids: [1], mediaIndex: [3], media })).rejects.toMatchObject({ code: 'media-count' });
    await expect(sequence.append({ ids: [97], mediaIndex: [0], media })).rejects.toMatchObject({
      code: 'invalid-option',
    });
    await expect(sequence.append({ ids: [1], mediaIndex: [0], media, taps: ['hidden.9'] })).rejects.toMatchObject({
      code: 'invalid-option',
    });
    await expect(sequence.append({ ids: [1, 2], mediaIndex: [0], media })).rejects.toMatchObject({ code: 'internal' });
    await expect(executor.createSequence(301)).rejects.toMatchObject({ code: 'invalid-option' });
    await expect(executor.encodeMedia(new Float32Array(3), 1)).rejects.toMatchObject({ code: 'shape-mismatch' });
    const stopped = AbortSignal.abort();
    await expect(sequence.append({ ids: [1], mediaIndex: [0], media, signal: stopped })).rejects.toMatchObject({
      code: 'aborted',
    });
    expect(sequence.length).toBe(0);
    sequence[Symbol.dispose]();
    await expect(sequence.append({ ids: [1], mediaIndex: [0], media })).rejects.toMatchObject({ code: 'disposed' });
    executor[Symbol.dispose]();
  });

  test('is accounted for in bytes, and everything returns to zero', async () => {
    const { executor, media } = await load(config, 'f32');
    const { heads, headDim, before } = config.gated;
    const perMedium = 4 * (2 * before.length * heads * headDim + config.vision.width) * config.resampler.latents;
    expect(executor.memory().mediaKv).toBe(3 * perMedium);
    const sequence = await executor.createSequence(20);
    await sequence.append({ ids, mediaIndex, media });
    expect(executor.memory().selfKv).toBe(13 * 2 * 3 * 40 * 4);
    expect(executor.counters).toMatchObject({ resamplerRuns: 3, mediaKvProjections: 6, prefilledTokens: 13 });
    sequence[Symbol.dispose]();
    for (const medium of media) medium[Symbol.dispose]();
    expect(executor.memory()).toMatchObject({ selfKv: 0, mediaKv: 0 });
    executor[Symbol.dispose]();
    expect(executor.memory().weights).toBe(0);
  });
});
