import { llama, mpt, opt } from './families';
import { clip as usual } from './usual-parts';
import { type WholeCheckpoint, writeIdefics, writeOtter } from './whole';
import { gpt2, writeMini } from './whole-mini';

const clip = { ...usual, layout: 'hugging face' } as const;
const language = {
  width: 40,
  heads: 4,
  layers: 5,
  inner: 52,
  rows: 97,
  bias: false,
  tied: false,
  type: 'f32',
} as const;
const resampler = { layers: 2, latents: 5, heads: 3, headDim: 10, inner: 80, frames: null };
const rotary = { kind: 'rotary', dims: 10, theta: 10000, pairing: 'half' } as const;

/** Frames of a clip that use every embedding of frames. */
export function framesOf({ config: { resampler: r } }: WholeCheckpoint): number {
  return r.maxFrames ?? 1;
}

/** Families that come as one checkpoint, with sizes that no golden has; each writes itself to a folder. */
export const WHOLE_CHECKPOINTS: Record<string, (folder: string) => Promise<WholeCheckpoint>> = {
  'IDEFICS: norms of q and k, gates per channel, two added tokens, shards of torch': (folder) =>
    writeIdefics(folder, llama, {
      seed: 31,
      clip: { ...clip, imageSize: 23, patch: 7, activation: 'quick-gelu' },
      language: { ...language, layers: 4, decoder: { position: rotary } },
      resampler,
      gated: { every: 2, heads: 4, headDim: 10, inner: 52 },
      kind: 'sharded bin',
      type: 'bf16',
      tokens: 97,
      added: 2,
      alpha: 'vector',
      qkNorm: true,
    }),
  'IDEFICS: no norms of q and k, one gate, tied head': (folder) =>
    writeIdefics(folder, llama, {
      seed: 32,
      clip: { ...clip, layers: 2 },
      language: { ...language, layers: 3, tied: true, type: 'f16', decoder: { position: rotary } },
      resampler: { ...resampler, layers: 1, heads: 1 },
      gated: { every: 3, heads: 4, headDim: 10, inner: 52 },
      kind: 'safetensors',
      type: 'f16',
      tokens: 99,
      added: 3,
      alpha: 'float',
      qkNorm: false,
    }),
  'flamingo-mini over GPT-2: squared ReLU and ReLU, three frames, every third block, untied head, unscaled scores': (
    folder,
  ) =>
    writeMini(folder, gpt2, {
      seed: 33,
      clip,
      language: { ...language, bias: true, config: { scale_attn_weights: false }, decoder: { scale: 1 } },
      resampler: { ...resampler, inner: 60, frames: 3 },
      gated: { every: 3, heads: 3, headDim: 14, inner: 120 },
      acts: { resampler: 'sqrelu', xattn: 'relu' },
      kind: 'bin',
      type: 'f32',
      tokens: 97,
    }),
  'flamingo-mini over OPT: shards, one frame': (folder) =>
    writeMini(folder, opt, {
      seed: 34,
      clip: { ...clip, heads: 4, layers: 2 },
      language: { ...language, width: 44, layers: 2, bias: true, tied: true, type: 'bf16' },
      resampler: { ...resampler, frames: 1 },
      gated: { every: 1, heads: 2, headDim: 12, inner: 88 },
      acts: { resampler: 'gelu', xattn: 'sqrelu' },
      kind: 'sharded safetensors',
      type: 'bf16',
      tokens: 97,
    }),
  'Otter over LLaMA: clips of three frames, every second block': (folder) =>
    writeOtter(folder, {
      family: llama,
      seed: 35,
      clip: { ...clip, layers: 2 },
      clipKind: 'bin',
      language: { ...language, kvHeads: 2, decoder: { position: rotary } },
      languageKind: 'sharded safetensors',
      tokens: 98,
      resampler: { ...resampler, heads: 2, headDim: 64, frames: 3 },
      gated: { every: 2, heads: 1, headDim: 64, inner: 70 },
      delta: { type: 'f16', file: 'checkpoint.pt', gatedUnder: 'blocks', embedding: true, head: true },
    }),
  'Otter over MPT: no embeddings of frames': (folder) =>
    writeOtter(folder, {
      family: mpt,
      seed: 36,
      clip,
      clipKind: 'bin',
      language: {
        ...language,
        tied: true,
        layers: 2,
        decoder: { position: { kind: 'alibi', slopes: [0.25, 0.0625, 0.015625, 0.00390625] } },
      },
      languageKind: 'bin',
      tokens: 98,
      resampler: { ...resampler, heads: 1, headDim: 64 },
      gated: { every: 1, heads: 2, headDim: 64, inner: 70 },
      delta: { type: 'bf16', file: 'checkpoint.pt', gatedUnder: 'blocks', embedding: true, head: true },
    }),
};
