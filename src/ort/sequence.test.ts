import { describe, expect, test } from 'vitest';
import type { EncodedMedia } from '../core/executor';
import { randomWeights } from '../reference/model/random-weights';
import { expectLanesAsAlone } from '../testing/lanes-case';
import { difference, ids, load, mediaIndex } from '../testing/ort-case';
import { modelFiles, weightValues } from '../testing/ort-model';
import { tinyConfig } from '../testing/tiny-model';
import { expectVectorsAsReference, VECTOR_CONFIGS } from '../testing/vectors-case';
import { OrtExecutor } from './executor';

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
