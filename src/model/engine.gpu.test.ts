import { describe, expect, it } from 'vitest';
import type { EncodedMedia } from '../core/executor';
import type { FlamingoConfig } from '../format/config';
import { dawnGpu } from '../gpu/dawn-node';
import { openDevice } from '../gpu/device';
import { randomWeights } from '../reference/model/random-weights';
import { IDS, load, logits, pictures, SEEN, worst } from '../testing/engine-case';
import { expectLanesAsAlone } from '../testing/lanes-case';
import { weightValues } from '../testing/ort-model';
import { testDevice } from '../testing/test-device';
import { tinyConfig } from '../testing/tiny-model';
import { expectVectorsAsReference, VECTOR_CONFIGS } from '../testing/vectors-case';
import { WgslExecutor } from './engine';

const VARIANTS: Record<string, FlamingoConfig> = {
  'rotary, sequential': tinyConfig(),
  'partial rotary, parallel residual': tinyConfig({
    decoder: { parallelResidual: true, position: { kind: 'rotary', dims: 4, theta: 10000, pairing: 'half' } },
  }),
  'alibi, no bias, q/k norm, tied': tinyConfig({
    decoder: {
      position: { kind: 'alibi', slopes: [0.5, 0.25, 0.125, 0.0625] },
      qkNorm: { over: 'width', norm: { kind: 'layer', eps: 1e-5, bias: false } },
      bias: { qkv: false, out: false, head: false },
      norm: { kind: 'layer', eps: 1e-5, bias: false },
      tiedHead: true,
    },
  }),
  'learned positions, relu': tinyConfig({
    decoder: {
      position: { kind: 'learned', offset: 2, rows: 302 },
      feedForward: { inner: 60, activation: 'relu', gated: false, bias: true },
    },
  }),
  'norms behind the sums, a wider table and head': tinyConfig({
    embeddingWidth: 64,
    decoder: {
      position: { kind: 'learned', offset: 2, rows: 302 },
      normPlacement: 'after',
    },
  }),
  'rms, grouped heads, gated pair': tinyConfig({
    decoder: {
      kvHeads: 2,
      norm: { kind: 'rms', eps: 1e-6, bias: false },
      bias: { qkv: false, out: false, head: false },
      feedForward: { inner: 70, activation: 'silu', gated: true, bias: false },
    },
  }),
};

describe.each(Object.entries(VARIANTS))('engine: %s', (_, config) => {
  it.each(['f32', 'q4'] as const)('prefill equals one token at a time, %s weights', async (type) => {
    using executor = await load(config, type);
    const media = await pictures(executor, config, [1, 2, 3]);
    const whole = await logits(executor, media);
    const single = await logits(
      executor,
      media,
      IDS.map(() => 1),
    );
    const chunks = await logits(executor, media, [5, 1, 8]);
    expect(worst(whole, single)).toBeLessThan(1e-4);
    expect(worst(whole, chunks)).toBeLessThan(1e-4);
  });
});

describe('engine', () => {
  const config = tinyConfig();

  it('lets a picture change only the positions that see it', async () => {
    using executor = await load(config);
    const before = await logits(executor, await pictures(executor, config, [1, 2, 3]));
    const after = await logits(executor, await pictures(executor, config, [1, 9, 3]));
    const changed = IDS.map(
      (_, t) => worst(before.subarray(t * 97, (t + 1) * 97), after.subarray(t * 97, (t + 1) * 97)) > 0,
    );
    expect(changed.slice(0, 6)).toEqual([false, false, false, false, false, false]);
    expect(changed[6]).toBe(true);
  });

  it('is bit-equal to the language model alone when all gates are 0', async () => {
    using closed = await load(config, 'f32', 0);
    const seen = await logits(closed, await pictures(closed, config, [1, 2, 3]));
    const without = tinyConfig({ gated: { before: [] } });
    const weights = randomWeights(config, 'f32', { gates: 0 });
    using plain = WgslExecutor.create(await testDevice({ f16: false, subgroups: true }), without, 'f32');
    await plain.load(weights);
    expect(await logits(plain, await pictures(plain, without, [1, 2, 3]))).toEqual(seen);
    using open = await load(config);
    using sequence = await open.createSequence(64);
    const step = { ids: IDS, mediaIndex: SEEN, media: await pictures(open, config, [1, 2, 3]), logits: 'all' as const };
    expect((await sequence.append({ ...step, visualStrength: 0 })).logits).toEqual(seen);
  });

  it.each([
    ['6 dispatches per block', config, 6, 3], // around the blocks: embedding, head, argmax
    ['8 where norms stand behind', VARIANTS['norms behind the sums, a wider table and head'], 8, 6], // and two projections, positions
  ] as const)(
    'decodes in one submit that creates nothing, %s and 5 per gated layer',
    async (_, config, perBlock, around) => {
      using executor = await load(config);
      const media = await pictures(executor, config, [1]);
      using sequence = await executor.createSequence(64);
      const sample = { temperature: 0, topK: 0, topP: 1, seed: 0, step: 0, suppress: [3] };
      let { token } = await sequence.append({ ids: IDS, mediaIndex: IDS.map(() => 0), media, sample });
      for (let i = 0; i < 3; i++)
        ({ token } = await sequence.append({ ids: [token!], mediaIndex: [0], media, sample }));
      const { lastStep } = executor.counters;
      expect(lastStep).toEqual({ submits: 1, dispatches: 3 * perBlock + 2 * 5 + around, bindGroups: 0, buffers: 0 });
    },
  );

  it('draws the same token for the same seed and never a suppressed one', async () => {
    using executor = await load(config);
    using sequence = await executor.createSequence(64);
    await sequence.append({ ids: IDS, mediaIndex: IDS.map(() => -1), media: [] });
    const draw = async (seed: number) => {
      sequence.truncate(IDS.length - 1);
      const sample = { temperature: 2, topK: 0, topP: 0.95, seed, step: 1, suppress: [7, 8] };
      return (await sequence.append({ ids: IDS.slice(-1), mediaIndex: [-1], media: [], sample })).token;
    };
    const tokens = [];
    for (let seed = 0; seed < 12; seed++) tokens.push(await draw(seed));
    expect(await draw(5)).toBe(tokens[5]);
    expect(new Set(tokens).size).toBeGreaterThan(1);
    expect(tokens).not.toContain(7);
  });

  it.each([
    ['in the slots that are left', 40],
    ['in larger caches of their own', 8],
  ])('runs continuations side by side as it runs each alone, %s', async (_, capacity) => {
    using executor = await load(config);
    await expectLanesAsAlone(executor, await pictures(executor, config, [1, 2]), capacity);
  });

  it.each(VECTOR_CONFIGS)('takes vectors in the place of tokens: %s', async (_, learned) => {
    using executor = await load(learned);
    const values = await weightValues(learned, 'f32', randomWeights(learned, 'f32'));
    await expectVectorsAsReference(executor, learned, values);
  });

  it('reads a medium back as it was saved, also after its slot was given away', async () => {
    using executor = await load(config);
    const media = await pictures(executor, config, [1, 2, 3]);
    const before = await logits(executor, media);
    const saving = media.map((medium) => medium.save());
    for (const medium of media) medium[Symbol.dispose]();
    const others = await pictures(executor, config, [7, 8, 9]);
    const { resamplerRuns } = executor.counters;
    const restored = await Promise.all((await Promise.all(saving)).map((bytes) => executor.restoreMedia(bytes)));
    expect(executor.counters.resamplerRuns).toBe(resamplerRuns);
    expect(await logits(executor, restored as EncodedMedia[])).toEqual(before);
    expect(await logits(executor, others)).not.toEqual(before);
    expect(await executor.restoreMedia(new Uint8Array(8))).toBeUndefined();
  });

  it('forks and rewinds', async () => {
    using executor = await load(config);
    using sequence = await executor.createSequence(32);
    await sequence.append({ ids: IDS, mediaIndex: IDS.map(() => -1), media: [] });
    using copy = await sequence.fork();
    const next = { ids: [1, 2], mediaIndex: [-1, -1], media: [], logits: 'all' as const };
    const first = (await copy.append(next)).logits!;
    await copy.append({ ...next, ids: [3, 4] });
    expect((await sequence.append(next)).logits).toEqual(first);
    sequence.truncate(IDS.length);
    expect((await sequence.append(next)).logits).toEqual(first);
  });

  it('holds exactly the bytes it declares, and none after disposal', async () => {
    const before = { ...(await testDevice({ f16: false, subgroups: true })).ledger.bytes }; // other tests share the device
    const executor = await load(config);
    const added = () => {
      const now = executor.memory();
      return Object.fromEntries(
        Object.entries(now).map(([purpose, bytes]) => [purpose, bytes - before[purpose as keyof typeof now]]),
      );
    };
    const { heads, headDim } = config.gated;
    const media = await pictures(executor, config, [1, 2, 3, 4, 5]); // more than the first slots
    const perPicture = 2 * 2 * heads * config.resampler.latents * headDim * 4;
    const latents = 5 * config.resampler.latents * config.vision.width * 4;
    expect(added().mediaKv).toBe(8 * perPicture + latents);
    const sequence = await executor.createSequence(64);
    expect(added().selfKv).toBe(2 * 3 * 4 * 64 * 10 * 4);
    sequence[Symbol.dispose]();
    for (const medium of media) medium[Symbol.dispose]();
    executor[Symbol.dispose]();
    await new Promise((resolve) => setTimeout(resolve));
    expect(added()).toEqual({ weights: 0, selfKv: 0, mediaKv: 0, scratch: 0 });
  });

  it('refuses what does not fit before computing anything', async () => {
    using executor = await load(config);
    using sequence = await executor.createSequence(8);
    const error = await sequence.append({ ids: IDS, mediaIndex: IDS.map(() => -1), media: [] }).catch((e) => e);
    expect(error).toMatchObject({ code: 'context-overflow', details: { tokens: 14, used: 0, capacity: 8 } });
    expect(sequence.length).toBe(0);
    await expect(executor.createSequence(301)).rejects.toMatchObject({ code: 'invalid-option' });
    await expect(executor.encodeMedia(new Float32Array(3), 1)).rejects.toMatchObject({ code: 'shape-mismatch' });
  });

  it('names the tensor that a small GPU cannot hold', async () => {
    const gpu = await openDevice(await dawnGpu(), {
      limits: { maxStorageBufferBindingSize: 134217728, maxBufferSize: 268435456 },
    });
    const large = tinyConfig({ vocab: 1_000_000 });
    expect(() => WgslExecutor.create(gpu, large, 'f32')).toThrow(/embed\.weight needs 160000000 bytes/);
  });
});
