import type { FlamingoConfig } from '../format/config';

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
