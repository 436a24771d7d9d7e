import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { expect, test } from 'vitest';
import { bytes } from '../cli/text';
import type { WeightType } from '../core/dtypes';
import type { FlamingoConfig } from './config';
import { flamingoConfig } from './config';
import { memoryNeed } from './memory';

const layer = { kind: 'layer', eps: 1e-5, bias: true } as const;
const plain = { kind: 'layer', eps: 1e-5, bias: false } as const;
const rms = { kind: 'rms', eps: 1e-6, bias: false } as const;
const mlp = (inner: number, bias = false) => ({ inner, activation: 'gelu', gated: false, bias }) as const;
const swiglu = (inner: number) => ({ inner, activation: 'silu', gated: true, bias: false }) as const;
const every = (n: number, layers: number) => Array.from({ length: layers / n }, (_, i) => n * (i + 1) - 1);
const alibi = (heads: number) => ({ kind: 'alibi', slopes: new Array(heads).fill(1) }) as const;
const rotary = (dims: number) => ({ kind: 'rotary', dims, theta: 10000, pairing: 'half' }) as const;

/** What OpenFlamingo adds: helpers.py. flamingo-mini adds the same. */
function openFlamingo(
  width: number,
  n: number,
  vocab: number,
  decoder: Pick<FlamingoConfig['decoder'], 'layers' | 'heads' | 'norm' | 'position' | 'feedForward'> &
    Partial<FlamingoConfig['decoder']>,
): FlamingoConfig {
  const headDim = width / decoder.heads;
  return {
    vocab,
    width,
    contextLength: 2048,
    vision: { width: 1024, patches: 256, imageSize: 224 },
    resampler: { layers: 6, latents: 64, heads: 8, headDim: 64, norm: layer, feedForward: mlp(4096), maxFrames: null },
    gated: {
      before: every(n, decoder.layers),
      heads: 8,
      headDim: 64,
      norm: layer,
      feedForward: mlp(4 * width),
      gate: 'scalar',
    },
    decoder: {
      kvHeads: decoder.heads,
      headDim,
      qkNorm: null,
      clipQkv: null,
      scale: headDim ** -0.5,
      bias: { qkv: false, out: false, head: false },
      parallelResidual: false,
      tiedHead: true,
      ...decoder,
    },
  };
}

/** The shapes of published checkpoints, by the name that docs/models.md has. Sources: their config.json, and open_flamingo's README for the distances. */
const MODELS: Record<string, FlamingoConfig> = {
  'OpenFlamingo-3B (MPT-1B)': openFlamingo(2048, 1, 50280, {
    layers: 24,
    heads: 16,
    norm: plain,
    position: alibi(16),
    feedForward: mlp(8192),
    qkNorm: { over: 'width', norm: plain },
  }),
  'OpenFlamingo-4B (RedPajama-3B)': openFlamingo(2560, 2, 50280, {
    layers: 32,
    heads: 32,
    norm: layer,
    position: rotary(80),
    feedForward: mlp(10240, true),
    bias: { qkv: true, out: true, head: false },
    tiedHead: false,
  }),
  'OpenFlamingo-9B (MPT-7B)': openFlamingo(4096, 4, 50280, {
    layers: 32,
    heads: 32,
    norm: plain,
    position: alibi(32),
    feedForward: mlp(16384),
  }),
  'Med-Flamingo, OpenFlamingo-9B-deprecated (LLaMA-7B)': openFlamingo(4096, 4, 32003, {
    layers: 32,
    heads: 32,
    norm: rms,
    position: rotary(128),
    feedForward: swiglu(11008),
    tiedHead: false,
  }),
};

/** IDEFICS: LLaMA with gated layers as wide as its own, every fourth block; CLIP ViT-H/14. */
function idefics(
  width: number,
  layers: number,
  inner: number,
  resampler: [heads: number, headDim: number],
): FlamingoConfig {
  const base = openFlamingo(width, 4, 32002, {
    layers,
    heads: width / 128,
    norm: rms,
    position: rotary(128),
    feedForward: swiglu(inner),
    tiedHead: false,
  });
  const [heads, headDim] = resampler;
  return {
    ...base,
    vision: { width: 1280, patches: 257, imageSize: 224 },
    resampler: { layers: 6, latents: 64, heads, headDim, norm: layer, feedForward: mlp(5120), maxFrames: null },
    gated: { ...base.gated, heads: width / 128, headDim: 128, norm: rms, feedForward: swiglu(inner) },
  };
}

/** Llama-3.2-Vision: every fifth block from the fourth on is a gated layer; features of five depths of the tower behind its last. */
function llamaVision(width: number, layers: number, inner: number): FlamingoConfig {
  const base = openFlamingo(width, 4, 128256, {
    layers,
    heads: width / 128,
    kvHeads: 8,
    norm: rms,
    position: rotary(128),
    feedForward: swiglu(inner),
    tiedHead: false,
  });
  return {
    ...base,
    embeddings: 128264,
    vision: { width: 7680, patches: 1601, imageSize: 560, tiles: 4 },
    resampler: { kind: 'projection', latents: 4 * 1601, maxFrames: null },
    gated: {
      ...base.gated,
      before: every(5, layers).map((block) => block - 1),
      heads: width / 128,
      headDim: 128,
      kvHeads: 8,
      norm: rms,
      qkNorm: rms,
      feedForward: swiglu(inner),
      placement: 'replace',
    },
  };
}
/** flamingo-mini: configuration_flamingo.py with CLIP ViT-L/14, opt-350m's config.json. */
function miniOverOpt350m(): FlamingoConfig {
  const base = openFlamingo(1024, 1, 50273, {
    layers: 24,
    heads: 16,
    norm: layer,
    position: { kind: 'learned', offset: 2, rows: 2050 },
    feedForward: mlp(4096, true),
    bias: { qkv: true, out: true, head: false },
    normPlacement: 'after',
    finalNorm: false,
  });
  return {
    ...base,
    embeddingWidth: 512,
    vision: { ...base.vision, patches: 257 },
    resampler: { ...base.resampler, maxFrames: 4 } as FlamingoConfig['resampler'],
  };
}
Object.assign(MODELS, {
  'flamingo-mini (OPT-350m)': miniOverOpt350m(),
  'IDEFICS-9b': idefics(4096, 32, 11008, [16, 96]),
  'IDEFICS-80b': idefics(8192, 80, 22016, [16, 96]),
  'Llama-3.2-11B-Vision': llamaVision(4096, 40, 14336),
  'Llama-3.2-90B-Vision': llamaVision(8192, 100, 28672),
});

const total = (config: FlamingoConfig, type: WeightType) =>
  Object.values(memoryNeed(config, type, 2048, 1)).reduce((a, b) => a + b, 0);

test('the shapes are such as a package may have', () => {
  for (const config of Object.values(MODELS)) expect(v.safeParse(flamingoConfig, config).success).toBe(true);
});

test('counts every part by hand', () => {
  const config = openFlamingo(64, 1, 10, {
    layers: 1,
    heads: 4,
    norm: plain,
    position: alibi(4),
    feedForward: mlp(96),
  });
  const perceiver =
    64 * 1024 + 6 * (2 * 2 * 1024 + 512 * 1024 + 1024 * 1024 + 1024 * 512 + 2 * 1024 + 2 * 4096 * 1024) + 2 * 1024;
  const gated = 1024 * 1024 + 2 * 64 + 512 * 64 + 64 * 512 + 2 * 64 + 2 * 256 * 64 + 2;
  const lm = 10 * 64 + 64 + 3 * 64 * 64 + 64 * 64 + 64 + 2 * 96 * 64 + 64;
  expect(memoryNeed(config, 'f32', 7, 3)).toEqual({
    weights: 4 * (perceiver + gated + lm),
    selfKv: 2 * 64 * 7 * 4,
    mediaKv: 2 * 512 * 64 * 3 * 4,
  });
});

test('docs/models.md has the numbers of the formula', async () => {
  const text = await readFile('docs/models.md', 'utf8');
  for (const [name, config] of Object.entries(MODELS)) {
    const cells = [total(config, 'f16'), total(config, 'q8'), total(config, 'q4')].map(bytes);
    const row = text.split('\n').find((line) => line.startsWith(`| ${name} |`));
    expect(row, `${name}: ${cells.join(' | ')}`).toContain(`| ${cells.join(' | ')} |`);
  }
});
