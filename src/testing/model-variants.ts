import type { FlamingoConfig } from '../format/config';
import { tinyConfig } from './tiny-model';

const rms = { kind: 'rms', eps: 1e-6, bias: false } as const;
const plain = { kind: 'layer', eps: 1e-5, bias: false } as const;
const noBias = { qkv: false, out: false, head: false };
const slopes = [0.5, 0.25, 0.0625, 0.00390625];

/** One small model for everything that a config can say, so that a failing case has a name. Widths are no multiples of 32 on purpose. */
export const MODEL_VARIANTS: Record<string, FlamingoConfig> = {
  'rotary over the whole head (GPT-NeoX)': tinyConfig(),
  'partial rotary, parallel residual, clips': tinyConfig({
    resampler: { maxFrames: 4 },
    decoder: { position: { kind: 'rotary', dims: 4, theta: 10000, pairing: 'half' }, parallelResidual: true },
  }),
  'interleaved rotary with factors, head bias': tinyConfig({
    decoder: {
      position: { kind: 'rotary', dims: 6, theta: 500, pairing: 'interleaved', factors: [1, 0.5, 0.125] },
      bias: { qkv: false, out: true, head: true },
    },
  }),
  'ALiBi, q/k norm over the width, clipped, tied (MPT-1B)': tinyConfig({
    gated: { before: [0, 1, 2] },
    decoder: {
      norm: plain,
      position: { kind: 'alibi', slopes },
      qkNorm: { over: 'width', norm: plain },
      clipQkv: 0.8,
      bias: noBias,
      feedForward: { inner: 100, activation: 'gelu', gated: false, bias: false },
      tiedHead: true,
    },
  }),
  'learned positions, ReLU, tied (OPT)': tinyConfig({
    decoder: {
      position: { kind: 'learned', offset: 2, rows: 302 },
      feedForward: { inner: 100, activation: 'relu', gated: false, bias: true },
      tiedHead: true,
    },
  }),
  'RMSNorm, SwiGLU, grouped heads (LLaMA)': tinyConfig({
    gated: { before: [2] },
    decoder: {
      kvHeads: 2,
      norm: rms,
      bias: noBias,
      feedForward: { inner: 70, activation: 'silu', gated: true, bias: false },
    },
  }),
  'ALiBi over grouped heads, q/k norm per head with bias, other scale': tinyConfig({
    decoder: {
      kvHeads: 1,
      position: { kind: 'alibi', slopes },
      qkNorm: { over: 'head', norm: { kind: 'layer', eps: 1e-5, bias: true } },
      scale: 0.2,
      feedForward: { inner: 33, activation: 'gelu-tanh', gated: false, bias: true },
    },
  }),
  'norms behind the sums, none at the end, a narrower table, tied (OPT-350m)': tinyConfig({
    embeddingWidth: 28,
    decoder: {
      position: { kind: 'learned', offset: 2, rows: 302 },
      feedForward: { inner: 100, activation: 'relu', gated: false, bias: true },
      normPlacement: 'after',
      finalNorm: false,
      tiedHead: true,
    },
  }),
  'ALiBi rounded to bfloat16, five heads, parallel residual (Falcon)': tinyConfig({
    decoder: {
      heads: 5,
      kvHeads: 5,
      position: {
        kind: 'alibi',
        slopes: [0.25, 0.0625, 0.01556396484375, 0.00390625, 0.70703125],
        rounding: 'bfloat16',
      },
      parallelResidual: true,
      bias: { qkv: true, out: true, head: true },
      tiedHead: true,
    },
  }),
  'vector gates, gated RMS layers, q/k norms everywhere, squared ReLU, gated feed-forward with bias': tinyConfig({
    gated: {
      norm: rms,
      gate: 'vector',
      qkNorm: rms,
      feedForward: { inner: 50, activation: 'silu', gated: true, bias: true },
    },
    resampler: {
      norm: plain,
      qkNorm: { kind: 'layer', eps: 1e-5, bias: true },
      feedForward: { inner: 48, activation: 'relu2', gated: false, bias: true },
    },
    decoder: {
      qkNorm: { over: 'head', norm: rms },
      feedForward: { inner: 64, activation: 'quick-gelu', gated: true, bias: true },
    },
  }),
  'all media so far, of different length, features that are the latents': tinyConfig({
    vision: { tiles: 2 },
    resampler: { kind: 'none', latents: 14, maxFrames: null },
    gated: { sees: 'all' },
  }),
  'layers in the place of blocks, grouped heads, ranges, a projection, text before pictures sees all': tinyConfig({
    embeddings: 105,
    vision: { tiles: 2 },
    resampler: { kind: 'projection', latents: 14, maxFrames: null },
    gated: {
      heads: 4,
      kvHeads: 2,
      placement: 'replace',
      sees: 'adjacent',
      lead: 'no-feed-forward',
      qkNorm: rms,
      norm: rms,
      feedForward: { inner: 50, activation: 'silu', gated: true, bias: false },
    },
    decoder: { kvHeads: 2, norm: rms, bias: noBias },
  }),
  'no gated layers at all': tinyConfig({ gated: { before: [] } }),
};
