import { join } from 'node:path';
import type { Activation } from '../../format/config';
import { clipCheckpoint } from './clip';
import type { Family } from './families';
import { writeJson, writeWeights } from './files';
import { valuesOf } from './flamingo';
import { Builder, decoderOf } from './language';
import { letterTokenizer } from './letter-tokenizer';
import type { CheckpointTensor, Tensors } from './tensors';
import { tower, visionOf, type WholeCheckpoint, type WholeSpec } from './whole';

/** modeling_gpt2.py: Conv1D holds its weights as [in, out]. */
export const gpt2: Family = (spec, seed) => {
  const { width: D, heads, layers, inner } = spec;
  const b = new Builder(spec.type, seed);
  const conv = (source: string, target: string, rows: number, columns: number) => {
    b.linear(source, target, rows, columns, true);
    b.put(`${source}.weight`, turned(b.tensors.get(`${source}.weight`)!));
  };
  b.put('transformer.wpe.weight', b.make.make([60, D], -1, 1), 'positions.weight');
  for (let i = 0; i < layers; i++) {
    const [from, to] = [`transformer.h.${i}`, `blocks.${i}`];
    b.norm(`${from}.ln_1`, `${to}.norm1`, D, true);
    conv(`${from}.attn.c_attn`, `${to}.attn.qkv`, 3 * D, D);
    conv(`${from}.attn.c_proj`, `${to}.attn.out`, D, D);
    b.norm(`${from}.ln_2`, `${to}.norm2`, D, true);
    conv(`${from}.mlp.c_fc`, `${to}.ff.up`, inner, D);
    conv(`${from}.mlp.c_proj`, `${to}.ff.down`, D, inner);
    b.put(`${from}.attn.bias`, b.make.make([1, 1, 4, 4], 0, 1)); // the causal mask, in old files
  }
  b.norm('transformer.ln_f', 'norm', D, true);
  return {
    ...b,
    config: {
      model_type: 'gpt2',
      n_embd: D,
      n_head: heads,
      n_layer: layers,
      n_inner: inner,
      layer_norm_epsilon: 1e-4,
      tie_word_embeddings: spec.tied,
      ...spec.config,
    },
    decoder: decoderOf(spec, {
      norm: { kind: 'layer', eps: 1e-4, bias: true },
      position: { kind: 'learned', offset: 0, rows: 60 },
      feedForward: { inner, activation: 'gelu-tanh', gated: false, bias: true },
    }),
    contextLength: 60,
    embedding: 'transformer.wte.weight',
    head: spec.tied ? null : 'lm_head.weight',
    blocksPath: 'transformer.h',
  };
};

function turned({ shape: [rows, columns], values, type }: CheckpointTensor): CheckpointTensor {
  const flipped = Float32Array.from(values, (_, i) => values[(i % rows) * columns + Math.floor(i / rows)]);
  return { shape: [columns, rows], values: flipped, type };
}

export interface MiniSpec extends WholeSpec {
  acts: { resampler: 'gelu' | 'sqrelu' | 'relu'; xattn: 'gelu' | 'sqrelu' | 'relu' };
  /** What config.json says of the language model: its config, or the name of a published one. */
  named?: string;
}

const ACTIVATIONS: Record<string, Activation> = { gelu: 'gelu', sqrelu: 'relu2', relu: 'relu' };

/** flamingo-mini: modeling_flamingo.py, gated_cross_attention.py, perceiver_resampler.py. */
export async function writeMini(folder: string, family: Family, spec: MiniSpec): Promise<WholeCheckpoint> {
  const clip = clipCheckpoint(spec.clip, spec.seed);
  const own = family(spec.language, spec.seed + 100);
  const { tensors: vision, vision: reference } = tower(clip, 'flamingo.vision_encoder.', true);
  const b = new Builder(spec.type, spec.seed + 200);
  const { resampler: r, gated: g, language: lm, tokens } = spec;
  const [Dv, D] = [spec.clip.width, lm.width];
  const norm = { kind: 'layer', eps: 1e-5, bias: true } as const;
  const frames = r.frames ?? 1;
  b.put('flamingo.resampler.latents', b.make.make([r.latents, Dv], -1, 1), 'resampler.latents');
  b.put('flamingo.resampler.time_pos_emb', b.make.make([frames, 1, Dv], -1, 1), 'resampler.frame_embeddings');
  for (let i = 0; i < r.layers; i++) {
    const [from, to] = [`flamingo.resampler.layers.${i}`, `resampler.layers.${i}`];
    b.norm(`${from}.0.norm_media`, `${to}.norm_media`, Dv, true);
    b.norm(`${from}.0.norm_latents`, `${to}.norm_latents`, Dv, true);
    b.linear(`${from}.0.to_q`, `${to}.to_q`, r.heads * r.headDim, Dv, false);
    const inner = r.heads * r.headDim;
    b.stack(
      `${to}.to_kv`,
      [
        [`${from}.0.to_k`, inner],
        [`${from}.0.to_v`, inner],
      ],
      Dv,
      false,
    );
    b.linear(`${from}.0.to_out`, `${to}.to_out`, Dv, r.heads * r.headDim, false);
    b.norm(`${from}.1.0`, `${to}.ff.norm`, Dv, true);
    b.linear(`${from}.1.1`, `${to}.ff.up`, r.inner, Dv, false);
    b.linear(`${from}.1.3`, `${to}.ff.down`, Dv, r.inner, false);
  }
  b.norm('flamingo.resampler.norm', 'resampler.norm', Dv, true);
  const blocks = `flamingo.lm.${own.blocksPath.replace(/^(transformer|model)\./, '')}`;
  const before = Array.from({ length: lm.layers }, (_, i) => i).filter((i) => i % g.every === 0);
  for (const [k, block] of before.entries()) {
    const [from, to] = [`${blocks}.${block}.xattn_block`, `gated.${k}`];
    b.norm(`${from}.attn.norm`, `${to}.norm`, D, true);
    b.linear(`${from}.attn.to_q`, `${to}.to_q`, g.heads * g.headDim, D, false);
    b.linear(`${from}.attn.to_kv`, `${to}.to_kv`, 2 * g.heads * g.headDim, Dv, false);
    b.linear(`${from}.attn.to_out`, `${to}.to_out`, D, g.heads * g.headDim, false);
    b.norm(`${from}.ffw.0`, `${to}.ff.norm`, D, true);
    b.linear(`${from}.ffw.1`, `${to}.ff.up`, g.inner, D, false);
    b.linear(`${from}.ffw.3`, `${to}.ff.down`, D, g.inner, false);
    b.put(`${from}.alpha_attn`, b.make.make([1], 0.4, 0.9), `${to}.attn_gate`);
    b.put(`${from}.alpha_ffw`, b.make.make([1], -0.9, -0.4), `${to}.ff_gate`);
  }
  for (const [name, tensor] of own.tensors) {
    const inside = name.replace(/^(transformer|model)\./, '');
    const at = inside.replace(
      /^(h|decoder\.layers)\.(\d+)\./,
      (_, path, i) => `${path}.${i}.${before.includes(Number(i)) ? 'lm_block.' : ''}`,
    );
    if (name !== own.embedding && name !== own.head) b.tensors.set(`flamingo.lm.${at}`, tensor);
  }
  const table = b.make.make([tokens, D], -1, 1);
  b.put(`flamingo.lm.${own.embedding.replace(/^(transformer|model)\./, '')}`, table, 'embed.weight');
  b.put('flamingo.lm_head.weight', lm.tied ? table : b.make.matrix(tokens, D), lm.tied ? undefined : 'head.weight');
  const config = {
    lm: spec.named ?? 'gpt2',
    ...(spec.named === undefined ? { lm_config: own.config } : {}),
    clip_config: clip.config.vision_config,
    dim: D,
    dim_visual: Dv,
    xattn_every: g.every,
    xattn_heads: g.heads,
    xattn_dim_head: g.headDim,
    xattn_ff_mult: g.inner / D,
    xattn_act: spec.acts.xattn,
    resampler_depth: r.layers,
    resampler_heads: r.heads,
    resampler_dim_head: r.headDim,
    resampler_num_latents: r.latents,
    resampler_num_time_embeds: frames,
    resampler_ff_mult: r.inner / Dv,
    resampler_act: spec.acts.resampler,
  };
  const tensors: Tensors = new Map([...vision, ...b.tensors]);
  await writeWeights(folder, tensors, spec.kind);
  await writeJson(join(folder, 'config.json'), config);
  await writeJson(join(folder, 'tokenizer.json'), letterTokenizer(tokens - 1, ['<|endoftext|>'])); // `<EOC>` is the last row
  const mlp = (inner: number, act: string) =>
    ({ inner, activation: ACTIVATIONS[act], gated: false, bias: false }) as const;
  const { inner: resamplerInner, frames: _, ...sizes } = r;
  return {
    folder,
    vision: reference,
    values: valuesOf(new Map([...clip.canonical, ...own.canonical, ...b.canonical])),
    config: {
      vocab: tokens,
      width: D,
      contextLength: own.contextLength,
      vision: visionOf(spec.clip, 1),
      resampler: { ...sizes, norm, feedForward: mlp(resamplerInner, spec.acts.resampler), maxFrames: frames },
      gated: {
        before,
        heads: g.heads,
        headDim: g.headDim,
        norm,
        feedForward: mlp(g.inner, spec.acts.xattn),
        gate: 'scalar',
      },
      decoder: own.decoder,
    },
  };
}
