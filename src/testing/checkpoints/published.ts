import { ShapesOnly } from './shapes-only';

/** The frozen language models of the published OpenFlamingos: the fields of their config.json that say how they compute, and their tensors by block. */
export interface Published {
  every: number;
  tokens: number;
  config: Record<string, unknown>;
  layers: number;
  width: number;
  tensors(source: ShapesOnly, block: string): void;
  blocks: string;
  tables: [name: string, rows: number][];
  /** Name of the input table in the Flamingo checkpoint. */
  embedding: string;
  norm: string;
  expected: Record<string, unknown>;
}

const MPT_1B: Published = {
  every: 1,
  tokens: 50280,
  layers: 24,
  width: 2048,
  config: {
    model_type: 'mosaic_gpt',
    ...{ d_model: 2048, n_heads: 16, n_layers: 24, mlp_ratio: 4, max_seq_len: 2048, vocab_size: 50432 },
    ...{ alibi: true, alibi_bias_max: 8, attn_qk_ln: true, attn_clip_qkv: null, attn_impl: 'torch', no_bias: true },
    ...{
      softmax_scale: null,
      logit_scale: null,
      prefix_lm: false,
      embedding_fraction: 1,
      low_precision_layernorm: true,
    },
  },
  tensors(source, at) {
    for (const name of ['ln_1', 'ln_2', 'attn.q_ln', 'attn.k_ln']) source.put(`${at}.${name}.weight`, 2048);
    source.put(`${at}.attn.Wqkv.weight`, 3 * 2048, 2048);
    source.put(`${at}.attn.out_proj.weight`, 2048, 2048);
    source.put(`${at}.mlp.mlp_up.weight`, 8192, 2048);
    source.put(`${at}.mlp.mlp_down.weight`, 2048, 8192);
  },
  blocks: 'transformer.blocks',
  tables: [['transformer.wte.weight', 50432]],
  embedding: 'transformer.wte.weight',
  norm: 'transformer.ln_f',
  expected: { heads: 16, headDim: 128, tiedHead: true, parallelResidual: false, qkNorm: { over: 'width' } },
};

const RED_PAJAMA_3B: Published = {
  every: 2,
  tokens: 50280,
  layers: 32,
  width: 2560,
  config: {
    model_type: 'gpt_neox',
    ...{ hidden_size: 2560, num_attention_heads: 32, num_hidden_layers: 32, intermediate_size: 10240 },
    ...{
      hidden_act: 'gelu',
      layer_norm_eps: 1e-5,
      max_position_embeddings: 2048,
      rotary_pct: 1,
      rotary_emb_base: 10000,
    },
    ...{ tie_word_embeddings: false, use_parallel_residual: false, vocab_size: 50432 },
  },
  tensors(source, at) {
    for (const name of ['input_layernorm', 'post_attention_layernorm']) source.module(`${at}.${name}`, 2560);
    source.module(`${at}.attention.query_key_value`, 3 * 2560, 2560);
    source.module(`${at}.attention.dense`, 2560, 2560);
    source.module(`${at}.mlp.dense_h_to_4h`, 10240, 2560);
    source.module(`${at}.mlp.dense_4h_to_h`, 2560, 10240);
    source.put(`${at}.attention.bias`, 1, 1, 2048, 2048);
    source.put(`${at}.attention.masked_bias`);
    source.put(`${at}.attention.rotary_emb.inv_freq`, 40);
  },
  blocks: 'gpt_neox.layers',
  tables: [
    ['gpt_neox.embed_in.weight', 50432],
    ['embed_out.weight', 50432],
  ],
  embedding: 'gpt_neox.embed_in.weight',
  norm: 'gpt_neox.final_layer_norm',
  expected: {
    ...{ heads: 32, headDim: 80, tiedHead: false, parallelResidual: false },
    position: { kind: 'rotary', dims: 80, theta: 10000, pairing: 'half' },
  },
};

const MPT_7B: Published = {
  every: 4,
  tokens: 50280,
  layers: 32,
  width: 4096,
  config: {
    model_type: 'mpt',
    ...{ d_model: 4096, n_heads: 32, n_layers: 32, expansion_ratio: 4, max_seq_len: 2048, vocab_size: 50432 },
    attn_config: {
      ...{ alibi: true, alibi_bias_max: 8, attn_impl: 'torch', attn_pdrop: 0, attn_type: 'multihead_attention' },
      ...{ attn_uses_sequence_id: false, clip_qkv: null, prefix_lm: false, qk_ln: false, softmax_scale: null },
    },
    ...{ embedding_fraction: 1, learned_pos_emb: true, logit_scale: null, no_bias: true },
    norm_type: 'low_precision_layernorm',
  },
  tensors(source, at) {
    for (const name of ['norm_1', 'norm_2']) source.put(`${at}.${name}.weight`, 4096);
    source.put(`${at}.attn.Wqkv.weight`, 3 * 4096, 4096);
    source.put(`${at}.attn.out_proj.weight`, 4096, 4096);
    source.put(`${at}.ffn.up_proj.weight`, 16384, 4096);
    source.put(`${at}.ffn.down_proj.weight`, 4096, 16384);
  },
  blocks: 'transformer.blocks',
  tables: [['transformer.wte.weight', 50432]],
  embedding: 'transformer.wte.weight',
  norm: 'transformer.norm_f',
  expected: { heads: 32, headDim: 128, tiedHead: true, parallelResidual: false, qkNorm: null },
};

export const LLAMA_7B: Published = {
  every: 4,
  tokens: 32003,
  layers: 32,
  width: 4096,
  config: {
    model_type: 'llama',
    ...{ hidden_size: 4096, intermediate_size: 11008, num_attention_heads: 32, num_hidden_layers: 32 },
    ...{ hidden_act: 'silu', max_sequence_length: 2048, rms_norm_eps: 1e-6, vocab_size: 32000, pad_token_id: -1 },
  },
  tensors(source, at) {
    for (const name of ['input_layernorm', 'post_attention_layernorm']) source.put(`${at}.${name}.weight`, 4096);
    for (const name of ['q', 'k', 'v', 'o']) source.put(`${at}.self_attn.${name}_proj.weight`, 4096, 4096);
    for (const name of ['gate', 'up']) source.put(`${at}.mlp.${name}_proj.weight`, 11008, 4096);
    source.put(`${at}.mlp.down_proj.weight`, 4096, 11008);
    source.put(`${at}.self_attn.rotary_emb.inv_freq`, 64);
  },
  blocks: 'model.layers',
  tables: [
    ['model.embed_tokens.weight', 32000],
    ['lm_head.weight', 32000],
  ],
  embedding: 'model.embed_tokens.weight',
  norm: 'model.norm',
  expected: { heads: 32, kvHeads: 32, headDim: 128, tiedHead: false, norm: { kind: 'rms', eps: 1e-6, bias: false } },
};

export const PUBLISHED: Record<string, Published> = {
  'OpenFlamingo-3B-vitl-mpt1b': MPT_1B,
  'OpenFlamingo-3B-vitl-mpt1b-langinstruct': MPT_1B,
  'OpenFlamingo-4B-vitl-rpj3b': RED_PAJAMA_3B,
  'OpenFlamingo-4B-vitl-rpj3b-langinstruct': RED_PAJAMA_3B,
  'OpenFlamingo-9B-vitl-mpt7b': MPT_7B,
  'OpenFlamingo-9B-deprecated': LLAMA_7B,
};

/** What stands in the language model's files. */
export function languageTensors({ layers, width, tensors, blocks, tables, norm, config }: Published): ShapesOnly {
  const source = new ShapesOnly('lm');
  for (const [name, rows] of tables) source.put(name, rows, width);
  for (let i = 0; i < layers; i++) tensors(source, `${blocks}.${i}`);
  if (config.model_type === 'gpt_neox') source.module(norm, width);
  else source.put(`${norm}.weight`, width);
  return source;
}

/** What OpenFlamingo's training adds: 6 layers and 64 latents of a resampler, gated blocks of 8 heads of 64, the table with the added tokens. */
export function savedTensors({ layers, width, every, blocks, embedding, tokens }: Published): ShapesOnly {
  const delta = new ShapesOnly('checkpoint.pt');
  const feedForward = (at: string, size: number, names: [string, string, string]) => {
    delta.module(`${at}.${names[0]}`, size);
    delta.put(`${at}.${names[1]}.weight`, 4 * size, size);
    delta.put(`${at}.${names[2]}.weight`, size, 4 * size);
  };
  delta.put('perceiver.latents', 64, 1024);
  delta.module('perceiver.norm', 1024);
  for (let i = 0; i < 6; i++) {
    const at = `perceiver.layers.${i}`;
    for (const name of ['norm_media', 'norm_latents']) delta.module(`${at}.0.${name}`, 1024);
    delta.put(`${at}.0.to_q.weight`, 512, 1024);
    delta.put(`${at}.0.to_kv.weight`, 1024, 1024);
    delta.put(`${at}.0.to_out.weight`, 1024, 512);
    feedForward(`${at}.1`, 1024, ['0', '1', '3']);
  }
  for (let i = every - 1; i < layers; i += every) {
    const at = `lang_encoder.${blocks}.${i}.gated_cross_attn_layer`;
    delta.module(`${at}.attn.norm`, width);
    delta.put(`${at}.attn.to_q.weight`, 512, width);
    delta.put(`${at}.attn.to_kv.weight`, 1024, 1024);
    delta.put(`${at}.attn.to_out.weight`, width, 512);
    feedForward(`${at}.ff`, width, ['0', '1', '3']);
    for (const gate of ['attn_gate', 'ff_gate']) delta.put(`${at}.${gate}`, 1);
  }
  delta.put(`lang_encoder.${embedding}`, tokens, width);
  return delta;
}
