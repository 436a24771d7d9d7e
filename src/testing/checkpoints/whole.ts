import { join } from 'node:path';
import type { FlamingoConfig } from '../../format/config';
import type { WeightValues } from '../../reference/model/math';
import type { ReferenceVision } from '../../reference/model/vision';
import { type ClipCheckpoint, clipCheckpoint } from './clip';
import type { Family } from './families';
import { type FileKind, writeJson, writeWeights } from './files';
import { configOf, deltaOf, type FlamingoSpec, valuesOf } from './flamingo';
import { Builder, type LanguageSpec } from './language';
import { letterTokenizer } from './letter-tokenizer';
import type { Canonical, StoredType, Tensors } from './tensors';

/** A model in one checkpoint on disk, and what is in it by the references' names. */
export interface WholeCheckpoint {
  folder: string;
  config: FlamingoConfig;
  vision: ReferenceVision;
  values: WeightValues;
}

/** Sizes of a model that is one checkpoint. */
export interface WholeSpec {
  seed: number;
  clip: FlamingoSpec['clip'];
  language: LanguageSpec;
  resampler: FlamingoSpec['resampler'];
  gated: { every: number; heads: number; headDim: number; inner: number };
  kind: FileKind;
  type: StoredType;
  tokens: number;
}

const layer = { kind: 'layer', eps: 1e-5, bias: true } as const;
const every = (layers: number, n: number) => Array.from({ length: layers }, (_, i) => i).filter((i) => i % n === 0);

async function write(
  folder: string,
  kind: FileKind,
  tensors: Tensors,
  config: unknown,
  tokens: unknown,
): Promise<void> {
  await writeWeights(folder, tensors, kind);
  await writeJson(join(folder, 'config.json'), config);
  await writeJson(join(folder, 'tokenizer.json'), tokens);
}

/** The tower's own tensors under a prefix; its features are taken before the final norm. */
export function tower({ tensors, reference }: ClipCheckpoint, prefix: string, keepClass: boolean) {
  const own = [...tensors].filter(([name]) => name.startsWith('vision_model.'));
  const vision = { ...reference, postNorm: false, keepClass };
  return { tensors: own.map(([name, tensor]) => [`${prefix}${name}`, tensor] as const), vision };
}

export function visionOf({ imageSize, patch, width }: FlamingoSpec['clip'], classToken: number) {
  return { width, imageSize, patches: Math.floor(imageSize / patch) ** 2 + classToken };
}

/** Otter: modeling_otter.py. Its head sizes are always 64; the last token of the table is `<answer>`, which the tokenizer lacks. */
export async function writeOtter(folder: string, spec: FlamingoSpec): Promise<WholeCheckpoint> {
  const clip = clipCheckpoint(spec.clip, spec.seed);
  const language = spec.family(spec.language, spec.seed + 100);
  const { tensors: delta, canonical, vocab } = deltaOf(spec, language);
  const { tensors: vision, vision: reference } = tower(clip, 'vision_encoder.', false);
  const isTable = (name: string) => name === language.embedding || name === language.head;
  const tensors: Tensors = new Map(vision);
  for (const [name, tensor] of language.tensors) {
    if (isTable(name)) continue;
    tensors.set(`lang_encoder.${name.replace(/^(.*?(?:blocks|layers)\.\d+)\./, '$1.decoder_layer.')}`, tensor);
  }
  for (const [name, tensor] of delta) {
    const resampler = name
      .replace(/^(perceiver\.layers\.\d+)\.1\./, '$1.feed_forward.')
      .replace(/^(perceiver\.layers\.\d+)\.0\./, '$1.');
    tensors.set(resampler.replace('.gated_cross_attn_layer.ff.', '.gated_cross_attn_layer.feed_forward.'), tensor);
  }
  const config = {
    model_type: 'otter',
    cross_attn_every_n_layers: spec.gated.every,
    max_num_frames: spec.resampler.frames,
    text_config: language.config,
    vision_config: clip.config.vision_config,
    tie_word_embeddings: spec.language.tied,
  };
  await write(folder, spec.languageKind, tensors, config, letterTokenizer(spec.tokens - 1));
  const all: Canonical = new Map([...clip.canonical, ...language.canonical, ...canonical]);
  return { folder, config: configOf(spec, language, vocab), vision: reference, values: valuesOf(all) };
}

/** IDEFICS: modeling_idefics.py and perceiver.py. `gated.heads` and so on are the language model's. */
export async function writeIdefics(
  folder: string,
  family: Family,
  spec: WholeSpec & { alpha: 'float' | 'vector'; qkNorm: boolean; added: number },
): Promise<WholeCheckpoint> {
  const clip = clipCheckpoint(spec.clip, spec.seed);
  const own = family({ ...spec.language, rows: spec.tokens - spec.added }, spec.seed + 100);
  const { tensors: vision, vision: reference } = tower(clip, 'model.', true);
  const b = new Builder(spec.type, spec.seed + 200);
  const { resampler: r, qkNorm, language: lm } = spec;
  const [Dv, D, d] = [spec.clip.width, lm.width, lm.width / lm.heads];
  const before = every(lm.layers, spec.gated.every);
  const norm = (source: string, target: string, width: number, bias: boolean) => b.norm(source, target, width, bias);
  b.put('model.perceiver_resampler.latents', b.make.make([r.latents, Dv], -1, 1), 'resampler.latents');
  for (let i = 0; i < r.layers; i++) {
    const [from, to] = [`model.perceiver_resampler.blocks.${i}`, `resampler.layers.${i}`];
    norm(`${from}.0.context_layer_norm`, `${to}.norm_media`, Dv, true);
    norm(`${from}.0.latents_layer_norm`, `${to}.norm_latents`, Dv, true);
    b.linear(`${from}.0.q_proj`, `${to}.to_q`, r.heads * r.headDim, Dv, false);
    b.stack(
      `${to}.to_kv`,
      [
        [`${from}.0.k_proj`, r.heads * r.headDim],
        [`${from}.0.v_proj`, r.heads * r.headDim],
      ],
      Dv,
      false,
    );
    b.linear(`${from}.0.output_proj`, `${to}.to_out`, Dv, r.heads * r.headDim, false);
    for (const which of qkNorm ? ['q', 'k'] : [])
      norm(`${from}.0.${which}_layer_norm`, `${to}.norm_${which}`, r.headDim, true);
    norm(`${from}.1.ln`, `${to}.ff.norm`, Dv, true);
    b.linear(`${from}.1.fc`, `${to}.ff.up`, 4 * Dv, Dv, false);
    b.linear(`${from}.1.c_proj`, `${to}.ff.down`, Dv, 4 * Dv, false);
  }
  norm('model.perceiver_resampler.layer_norm', 'resampler.norm', Dv, true);
  for (const k of before.keys()) {
    const [from, to] = [`model.gated_cross_attn_layers.${k}`, `gated.${k}`];
    norm(`${from}.input_layernorm`, `${to}.norm`, D, false);
    b.linear(`${from}.cross_attn.q_proj`, `${to}.to_q`, D, D, false);
    b.stack(
      `${to}.to_kv`,
      [
        [`${from}.cross_attn.k_proj`, D],
        [`${from}.cross_attn.v_proj`, D],
      ],
      Dv,
      false,
    );
    b.linear(`${from}.cross_attn.o_proj`, `${to}.to_out`, D, D, false);
    for (const which of qkNorm ? ['q', 'k'] : [])
      norm(`${from}.cross_attn.${which}_layer_norm`, `${to}.norm_${which}`, d, false);
    norm(`${from}.post_attention_layernorm`, `${to}.ff.norm`, D, false);
    b.stack(
      `${to}.ff.up`,
      [
        [`${from}.mlp.gate_proj`, lm.inner],
        [`${from}.mlp.up_proj`, lm.inner],
      ],
      D,
      false,
    );
    b.linear(`${from}.mlp.down_proj`, `${to}.ff.down`, D, lm.inner, false);
    const gate = spec.alpha === 'vector' ? [1, 1, D] : [1];
    b.put(`${from}.alpha_cross_attn`, b.make.make(gate, 0.4, 0.9), `${to}.attn_gate`);
    b.put(`${from}.alpha_dense`, b.make.make(gate, -0.9, -0.4), `${to}.ff_gate`);
    b.put(`${from}.cross_attn.rotary_emb.inv_freq`, b.make.vector(d / 2)); // published files hold this constant
  }
  const tables = (target: string, name: string, more: string, spread: number) => {
    const [first, second] = [
      b.make.make([spec.tokens - spec.added, D], -spread, spread),
      b.make.make([spec.added, D], -spread, spread),
    ];
    own.tensors.set(name, first);
    if (spec.added > 0) own.tensors.set(more, second);
    b.canonical.set(target, Float64Array.from([...first.values, ...(spec.added > 0 ? second.values : [])]));
  };
  tables('embed.weight', 'model.embed_tokens.weight', 'model.embed_tokens.additional_embedding.weight', 1);
  if (!lm.tied) tables('head.weight', 'lm_head.weight', 'lm_head.additional_fc.weight', Math.sqrt(3 / D));
  const { hidden_size, ...tower_ } = clip.config.vision_config as Record<string, unknown>;
  const { model_type: _, ...text } = own.config;
  const config = {
    ...text,
    model_type: 'idefics',
    vocab_size: spec.tokens - spec.added,
    additional_vocab_size: spec.added,
    cross_layer_interval: spec.gated.every,
    alpha_type: spec.alpha,
    qk_layer_norms: qkNorm,
    use_resampler: true,
    perceiver_config: {
      resampler_n_latents: r.latents,
      resampler_depth: r.layers,
      resampler_n_heads: r.heads,
      resampler_head_dim: r.headDim,
      qk_layer_norms_perceiver: qkNorm,
    },
    vision_config: { ...tower_, embed_dim: hidden_size },
  };
  const special = ['</s>', '<fake_token_around_image>', '<image>'];
  await write(
    folder,
    spec.kind,
    new Map([...vision, ...own.tensors, ...b.tensors]),
    { ...config, eos_token_id: spec.tokens - 3 },
    letterTokenizer(spec.tokens, special),
  );
  const rms = { kind: 'rms', eps: own.decoder.norm.eps, bias: false } as const;
  const all: Canonical = new Map([...clip.canonical, ...own.canonical, ...b.canonical]);
  return {
    folder,
    vision: reference,
    values: valuesOf(all),
    config: {
      vocab: spec.tokens,
      width: D,
      contextLength: own.contextLength,
      vision: visionOf(spec.clip, 1),
      resampler: {
        layers: r.layers,
        latents: r.latents,
        heads: r.heads,
        headDim: r.headDim,
        norm: layer,
        qkNorm: qkNorm ? layer : null,
        feedForward: { inner: 4 * Dv, activation: 'relu', gated: false, bias: false },
        maxFrames: null,
      },
      gated: {
        before,
        heads: lm.heads,
        headDim: d,
        norm: rms,
        qkNorm: qkNorm ? rms : null,
        feedForward: own.decoder.feedForward,
        gate: spec.alpha === 'vector' ? 'vector' : 'scalar',
      },
      decoder: own.decoder,
    },
  };
}
