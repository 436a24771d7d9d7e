import type { FlamingoConfig } from '../../format/config';
import { randomWeights } from '../../reference/model/random-weights';
import { uniform } from '../../reference/random';

/** Storage types that the decode suite compares. */
export const DECODE_TYPES = ['f32', 'q4'] as const;
export type DecodeType = (typeof DECODE_TYPES)[number];

const norm = { kind: 'layer', eps: 1e-5, bias: true } as const;

/** Width 512, 6 blocks, a gated layer before each: 38 M weights, of which a token reads all but the embedding. */
export const DECODE_CONFIG: FlamingoConfig = {
  vocab: 4096,
  width: 512,
  contextLength: 128,
  vision: { width: 256, patches: 49, imageSize: 224 },
  resampler: {
    layers: 1,
    latents: 64,
    heads: 4,
    headDim: 64,
    norm,
    feedForward: { inner: 1024, activation: 'gelu', gated: false, bias: false },
    maxFrames: null,
  },
  gated: {
    before: [0, 1, 2, 3, 4, 5],
    heads: 8,
    headDim: 64,
    norm,
    feedForward: { inner: 2048, activation: 'gelu', gated: false, bias: false },
    gate: 'scalar',
  },
  decoder: {
    layers: 6,
    heads: 8,
    kvHeads: 8,
    headDim: 64,
    norm,
    position: { kind: 'rotary', dims: 16, theta: 10000, pairing: 'half' },
    qkNorm: null,
    clipQkv: null,
    scale: 64 ** -0.5,
    bias: { qkv: true, out: true, head: false },
    feedForward: { inner: 2048, activation: 'gelu', gated: false, bias: true },
    parallelResidual: false,
    tiedHead: false,
  },
};

/** What every strategy is given: the same bytes, one picture, the same prompt. */
export interface Workload {
  config: FlamingoConfig;
  type: DecodeType;
  weights: ReturnType<typeof randomWeights>;
  /** [v, Dv] of one picture. */
  features: Float32Array;
  prompt: readonly number[];
}

export function decodeWorkload(type: DecodeType): Workload {
  const { patches, width } = DECODE_CONFIG.vision;
  return {
    config: DECODE_CONFIG,
    type,
    weights: randomWeights(DECODE_CONFIG, type),
    features: uniform(patches * width, -2, 2),
    prompt: [11, 2024],
  };
}
