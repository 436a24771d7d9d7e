import { mosaicGpt, mpt } from './families';
import type { FlamingoSpec } from './flamingo';
import { refinedWeb } from './further-families';
import { clip, delta, gated, resampler } from './usual-parts';

/** Language models with a slope per head: MPT, Falcon. */
export const ALIBI: Record<string, FlamingoSpec> = {
  'MPT-1B, heads that are no power of two, clipped, own scale, bf16': {
    family: mosaicGpt,
    seed: 3,
    clip: { ...clip, layout: 'open_clip', patch: 12, layers: 2, type: 'bf16' },
    clipKind: 'safetensors',
    language: {
      width: 42,
      heads: 6,
      layers: 4,
      inner: 90,
      rows: 95,
      bias: false,
      tied: true,
      type: 'bf16',
      config: {
        alibi: true,
        alibi_bias_max: 4,
        attn_qk_ln: true,
        attn_clip_qkv: 0.7,
        softmax_scale: 0.3,
        mlp_ratio: 4,
      },
      decoder: {
        // 2^(-4k/8) for k = 2, 4, 6, 8 and then 1, 3: Press et al. 2022 for six heads
        position: { kind: 'alibi', slopes: [0.5, 0.25, 0.125, 0.0625, 2 ** -0.5, 2 ** -1.5] },
        clipQkv: 0.7,
        scale: 0.3,
      },
    },
    languageKind: 'bin',
    tokens: 97,
    resampler,
    gated: { ...gated, every: 4 },
    delta: { ...delta, type: 'f16', gatedUnder: 'both', prefix: 'module.', wrapper: 'state_dict' },
  },
  'MPT-7B, biases everywhere, untied head': {
    family: mpt,
    seed: 4,
    clip: { ...clip, layout: 'hugging face', patch: 5, activation: 'quick-gelu' },
    clipKind: 'bin',
    language: {
      width: 36,
      heads: 4,
      layers: 2,
      inner: 50,
      rows: 95,
      bias: true,
      tied: false,
      type: 'f16',
      config: { no_bias: false, tie_word_embeddings: false, attn_config: { alibi: true, clip_qkv: 0.9, qk_ln: false } },
      decoder: { position: { kind: 'alibi', slopes: [0.25, 0.0625, 0.015625, 0.00390625] }, clipQkv: 0.9 },
    },
    languageKind: 'sharded safetensors',
    tokens: 97,
    resampler: { ...resampler, layers: 3 },
    gated,
    delta: { ...delta, file: 'checkpoint.safetensors', head: false },
  },
  'Falcon with the names of its first release: groups of three heads, ALiBi, biases, untied head': {
    family: refinedWeb,
    seed: 10,
    clip: { ...clip, layout: 'open_clip' },
    clipKind: 'safetensors',
    language: {
      width: 30,
      heads: 6,
      kvHeads: 2,
      layers: 2,
      inner: 120,
      rows: 120,
      bias: true,
      tied: false,
      type: 'bf16',
    },
    languageKind: 'sharded bin',
    tokens: 97,
    resampler,
    gated,
    delta,
  },
};
