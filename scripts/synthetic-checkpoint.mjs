// Checkpoints of published shapes with made-up weights, for measurements of size: `writeCheckpoint(folder, '9b')` writes a folder that `convert --model` takes.
import { closeSync, ftruncateSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** LLaMA of 2 GB; OpenFlamingo-3B over MPT-1B and OpenFlamingo-9B over MPT-7B as their authors give them (16 GB in bf16), with CLIP ViT-L/14. */
const SHAPES = {
  'llama-2g': {
    language: { family: 'llama', width: 2048, inner: 5632, layers: 16, heads: 16, rows: 32000 },
    vision: { width: 256, layers: 1, patch: 16, size: 64 },
    resampler: { layers: 1, inner: 512 },
    every: 8,
    tokens: 32003,
  },
  '3b': {
    language: { family: 'mosaic_gpt', width: 2048, inner: 8192, layers: 24, heads: 16, rows: 50432 },
    vision: { width: 1024, layers: 24, patch: 14, size: 224 },
    resampler: { layers: 6, inner: 512 },
    every: 1,
    tokens: 50280,
  },
  '9b': {
    language: { family: 'mpt', width: 4096, inner: 16384, layers: 32, heads: 32, rows: 50432 },
    vision: { width: 1024, layers: 24, patch: 14, size: 224 },
    resampler: { layers: 6, inner: 512 },
    every: 4,
    tokens: 50280,
  },
};
export const SHAPE_NAMES = Object.keys(SHAPES);

function llama({ width: D, inner, layers, heads, rows }) {
  const tensors = { 'model.embed_tokens.weight': [rows, D], 'lm_head.weight': [rows, D], 'model.norm.weight': [D] };
  for (let i = 0; i < layers; i++) {
    const at = `model.layers.${i}`;
    for (const which of ['q', 'k', 'v', 'o']) tensors[`${at}.self_attn.${which}_proj.weight`] = [D, D];
    for (const which of ['gate', 'up']) tensors[`${at}.mlp.${which}_proj.weight`] = [inner, D];
    tensors[`${at}.mlp.down_proj.weight`] = [D, inner];
    for (const norm of ['input_layernorm', 'post_attention_layernorm']) tensors[`${at}.${norm}.weight`] = [D];
  }
  const config = {
    hidden_size: D,
    intermediate_size: inner,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    max_position_embeddings: 2048,
    rms_norm_eps: 1e-6,
    hidden_act: 'silu',
    tie_word_embeddings: false,
  };
  return { tensors, config, blocks: 'model.layers', tables: ['model.embed_tokens.weight', 'lm_head.weight'] };
}

function mpt({ family, width: D, inner, layers, heads, rows }) {
  const one = family === 'mosaic_gpt';
  const names = one
    ? ['ln_1', 'ln_2', 'mlp.mlp_up', 'mlp.mlp_down', 'ln_f']
    : ['norm_1', 'norm_2', 'ffn.up_proj', 'ffn.down_proj', 'norm_f'];
  const [norm1, norm2, up, down, last] = names;
  const tensors = { 'transformer.wte.weight': [rows, D], [`transformer.${last}.weight`]: [D] };
  for (let i = 0; i < layers; i++) {
    const at = `transformer.blocks.${i}`;
    for (const norm of [norm1, norm2, ...(one ? ['attn.q_ln', 'attn.k_ln'] : [])])
      tensors[`${at}.${norm}.weight`] = [D];
    tensors[`${at}.attn.Wqkv.weight`] = [3 * D, D];
    tensors[`${at}.attn.out_proj.weight`] = [D, D];
    tensors[`${at}.${up}.weight`] = [inner, D];
    tensors[`${at}.${down}.weight`] = [D, inner];
  }
  const attention = one ? { alibi: true, attn_qk_ln: true } : { attn_config: { alibi: true } };
  const config = { d_model: D, n_heads: heads, n_layers: layers, max_seq_len: 2048, no_bias: true, ...attention };
  return { tensors, config, blocks: 'transformer.blocks', tables: ['transformer.wte.weight'] };
}

function delta(
  { language: { width: D, layers }, vision: { width: Dv }, resampler, every, tokens },
  { blocks, tables },
) {
  const tensors = { 'perceiver.latents': [64, Dv] };
  const norm = (name, width) => Object.assign(tensors, { [`${name}.weight`]: [width], [`${name}.bias`]: [width] });
  const attention = (name, width) =>
    Object.assign(tensors, {
      [`${name}.to_q.weight`]: [resampler.inner, width],
      [`${name}.to_kv.weight`]: [2 * resampler.inner, Dv],
      [`${name}.to_out.weight`]: [width, resampler.inner],
    });
  const mlp = (name, width) => {
    norm(`${name}.0`, width);
    Object.assign(tensors, { [`${name}.1.weight`]: [4 * width, width], [`${name}.3.weight`]: [width, 4 * width] });
  };
  for (let i = 0; i < resampler.layers; i++) {
    for (const part of ['media', 'latents']) norm(`perceiver.layers.${i}.0.norm_${part}`, Dv);
    attention(`perceiver.layers.${i}.0`, Dv);
    mlp(`perceiver.layers.${i}.1`, Dv);
  }
  norm('perceiver.norm', Dv);
  for (let i = every - 1; i < layers; i += every) {
    const at = `lang_encoder.${blocks}.${i}.gated_cross_attn_layer`;
    norm(`${at}.attn.norm`, D);
    attention(`${at}.attn`, D);
    mlp(`${at}.ff`, D);
    Object.assign(tensors, { [`${at}.attn_gate`]: [1], [`${at}.ff_gate`]: [1] });
  }
  for (const table of tables) tensors[`lang_encoder.${table}`] = [tokens, D];
  return tensors;
}

function clip({ width: W, layers, patch, size }) {
  const tensors = {
    'visual.class_embedding': [W],
    'visual.conv1.weight': [W, 3, patch, patch],
    'visual.positional_embedding': [(size / patch) ** 2 + 1, W],
  };
  const both = (name, rows, ...columns) =>
    Object.assign(tensors, { [`visual.${name}weight`]: [rows, ...columns], [`visual.${name}bias`]: [rows] });
  for (const norm of ['ln_pre', 'ln_post']) both(`${norm}.`, W);
  for (let i = 0; i < layers; i++) {
    const at = `transformer.resblocks.${i}`;
    for (const norm of ['ln_1', 'ln_2']) both(`${at}.${norm}.`, W);
    both(`${at}.attn.in_proj_`, 3 * W, W);
    both(`${at}.attn.out_proj.`, W, W);
    both(`${at}.mlp.c_fc.`, 4 * W, W);
    both(`${at}.mlp.c_proj.`, W, 4 * W);
  }
  return tensors;
}

/** A block of bf16 values in (-0.02, 0.02), written again and again. */
function block() {
  const bytes = new Uint8Array(16 * 1024 * 1024);
  const codes = new Uint16Array(bytes.buffer);
  const [float, bits] = [new Float32Array(1), new Uint32Array(1)];
  let state = 1;
  for (let i = 0; i < codes.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    float[0] = (state / 2 ** 32 - 0.5) * 0.04;
    bits.set(new Uint32Array(float.buffer));
    codes[i] = bits[0] >>> 16;
  }
  return bytes;
}

/** Writes a safetensors file in bf16; returns its size. A sparse one has zeros that take no room on the disk. */
function write(path, shapes, content, sparse) {
  let size = 0;
  const header = {};
  for (const [name, shape] of Object.entries(shapes)) {
    const bytes = 2 * shape.reduce((a, b) => a * b, 1);
    header[name] = { dtype: 'BF16', shape, data_offsets: [size, size + bytes] };
    size += bytes;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const file = openSync(path, 'w');
  writeSync(file, length);
  writeSync(file, json);
  if (sparse) ftruncateSync(file, 8 + json.length + size);
  else {
    for (let left = size; left > 0; left -= Math.min(left, content.length)) {
      writeSync(file, content, 0, Math.min(left, content.length));
    }
  }
  closeSync(file);
  return size;
}

/** A byte-level tokenizer without merges, as long as the model's table; the last tokens are those that OpenFlamingo adds. */
function tokenizer(tokens) {
  const vocab = {};
  for (let i = 0; i < tokens - 3; i++) vocab[i < 94 ? String.fromCharCode(33 + i) : `token${i}`] = i;
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  const added = ['<|endofchunk|>', '<image>', '<PAD>'];
  const level = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  return {
    version: '1.0',
    added_tokens: added.map((content, i) => ({ id: tokens - 3 + i, content, ...flags })),
    normalizer: null,
    pre_tokenizer: level,
    post_processor: null,
    decoder: level,
    model: { type: 'BPE', dropout: null, unk_token: null, fuse_unk: false, byte_fallback: false, vocab, merges: [] },
  };
}

/** Writes a checkpoint of a shape; returns the bytes of its weights. */
export function writeCheckpoint(folder, name, { sparse = false } = {}) {
  const shape = SHAPES[name];
  const json = (path, value) => writeFileSync(join(folder, path), JSON.stringify(value));
  for (const part of ['lm', 'clip']) mkdirSync(join(folder, part), { recursive: true });
  const language = shape.language.family === 'llama' ? llama(shape.language) : mpt(shape.language);
  json('lm/config.json', { model_type: shape.language.family, ...language.config });
  const { width, size } = shape.vision;
  const vision_cfg = { width, head_width: 64, image_size: size };
  json('clip/open_clip_config.json', { model_cfg: { quick_gelu: true, vision_cfg } });
  json('flamingo.json', { vision: 'clip', language: 'lm', flamingo: 'delta.safetensors', tokenizer: 'tokenizer.json' });
  json('tokenizer.json', tokenizer(shape.tokens));
  const content = sparse ? new Uint8Array() : block();
  const sizes = [
    write(join(folder, 'lm/model.safetensors'), language.tensors, content, sparse),
    write(join(folder, 'clip/open_clip_model.safetensors'), clip(shape.vision), content, sparse),
    write(join(folder, 'delta.safetensors'), delta(shape, language), content, sparse),
  ];
  return sizes.reduce((a, b) => a + b, 0);
}
