import type { WeightType } from '../core/dtypes';
import type { FlamingoConfig } from '../format/config';
import { decoderTensors, resamplerTensors, type TensorSpec } from '../format/tensor-names';
import type { WeightReader } from '../model/weights';
import { toHalf } from './half';
import { randomSource, uniform } from './random';

type Change<T> = { [K in keyof T]?: T[K] extends unknown[] ? T[K] : T[K] extends object ? Change<T[K]> | T[K] : T[K] };

/** A small GPT-NeoX-like Flamingo; `change` replaces fields at any depth. */
export function tinyConfig(change: Change<FlamingoConfig> = {}): FlamingoConfig {
  const norm = { kind: 'layer', eps: 1e-5, bias: true } as const;
  const base: FlamingoConfig = {
    vocab: 97,
    width: 40,
    contextLength: 300,
    vision: { width: 24, patches: 7, imageSize: 32 },
    resampler: {
      layers: 2,
      latents: 5,
      heads: 2,
      headDim: 12,
      norm,
      feedForward: { inner: 96, activation: 'gelu', gated: false, bias: false },
      maxFrames: null,
    },
    gated: {
      before: [1, 2],
      heads: 3,
      headDim: 8,
      norm,
      feedForward: { inner: 160, activation: 'gelu', gated: false, bias: false },
      gate: 'scalar',
    },
    decoder: {
      layers: 3,
      heads: 4,
      kvHeads: 4,
      headDim: 10,
      norm,
      position: { kind: 'rotary', dims: 10, theta: 10000, pairing: 'half' },
      qkNorm: null,
      clipQkv: null,
      scale: 10 ** -0.5,
      bias: { qkv: true, out: true, head: false },
      feedForward: { inner: 100, activation: 'gelu', gated: false, bias: true },
      parallelResidual: false,
      tiedHead: false,
    },
  };
  return merge(base, change) as FlamingoConfig;
}

/** Seeded random weights in a package's own bytes: norms near 1, gates open unless `gates` says otherwise. */
export function randomWeights(config: FlamingoConfig, type: WeightType, { seed = 1, gates = 0.7 } = {}): WeightReader {
  const tensors = new Map<string, Uint8Array>();
  [...resamplerTensors(config), ...decoderTensors(config)].forEach((spec, i) => {
    for (const [name, bytes] of encode(spec, type, seed * 1000 + i, gates)) tensors.set(name, bytes);
  });
  return {
    read: async (name) => {
      const bytes = tensors.get(name);
      if (!bytes) throw new Error(`no tensor ${name}`);
      return bytes;
    },
  };
}

function encode(
  { name, shape, kind }: TensorSpec,
  type: WeightType,
  seed: number,
  gates: number,
): [string, Uint8Array][] {
  const length = shape.reduce((a, b) => a * b, 1);
  const bytes = (array: Float32Array | Uint16Array | Uint8Array) => new Uint8Array(array.buffer);
  if (kind === 'vector') {
    if (name.endsWith('_gate')) return [[name, bytes(new Float32Array(length).fill(gates))]];
    const centre = /norm\w*\.weight$/.test(name) ? 1 : 0;
    return [[name, bytes(uniform(length, centre - 0.3, centre + 0.3, seed))]];
  }
  const [rows, columns] = shape;
  const spread = name === 'embed.weight' ? 1 : Math.sqrt(3 / columns);
  if (type === 'f32') return [[name, bytes(uniform(length, -spread, spread, seed))]];
  if (type === 'f16') return [[name, bytes(Uint16Array.from(uniform(length, -spread, spread, seed), toHalf))]];
  const blocks = Math.ceil(columns / 32);
  const next = randomSource(seed);
  const codes = Uint8Array.from({ length: rows * blocks * (type === 'q8' ? 32 : 16) }, () => Math.floor(next() * 256));
  const scales = Uint16Array.from({ length: rows * blocks }, () =>
    toHalf((spread / (type === 'q8' ? 128 : 8)) * (0.5 + next() / 2)),
  );
  return [
    [name, codes],
    [name.replace(/\.weight$/, '.scale'), bytes(scales)],
  ];
}

function merge(base: unknown, change: unknown): unknown {
  if (change === undefined) return base;
  if (!isPlain(base) || !isPlain(change) || 'kind' in change) return change;
  return Object.fromEntries(
    [...new Set([...Object.keys(base), ...Object.keys(change)])].map((key) => [key, merge(base[key], change[key])]),
  );
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
