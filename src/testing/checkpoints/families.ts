import { Builder, decoderOf, type LanguageCheckpoint, type LanguageSpec } from './language';
import { type CheckpointTensor, exact, rowsOf, stacked } from './tensors';

/** A language model's files as its family writes them. Written from transformers and llm-foundry, not from src/convert. */
export type Family = (spec: LanguageSpec, seed: number) => LanguageCheckpoint;

/** modeling_gpt_neox.py: the fused projection holds query, key and value of one head, then those of the next. */
export const neox: Family = (spec, seed) => {
  const { width: D, heads, layers, inner, bias } = spec;
  const d = D / heads;
  const b = new Builder(spec.type, seed);
  const byHead = (q: CheckpointTensor, k: CheckpointTensor, v: CheckpointTensor) =>
    stacked(
      ...Array.from({ length: heads }, (_, h) => [q, k, v].map((part) => rowsOf(part, h * d, (h + 1) * d))).flat(),
    );
  for (let i = 0; i < layers; i++) {
    const [from, to] = [`gpt_neox.layers.${i}`, `blocks.${i}`];
    b.norm(`${from}.input_layernorm`, `${to}.norm1`, D, true);
    for (const part of bias ? ['weight', 'bias'] : ['weight']) {
      const [q, k, v] = [0, 1, 2].map(() => (part === 'weight' ? b.make.matrix(D, D) : b.make.vector(D)));
      b.put(`${from}.attention.query_key_value.${part}`, byHead(q, k, v));
      b.canonical.set(`${to}.attn.qkv.${part}`, exact(stacked(q, k, v)));
    }
    b.linear(`${from}.attention.dense`, `${to}.attn.out`, D, D, bias);
    b.norm(`${from}.post_attention_layernorm`, `${to}.norm2`, D, true);
    b.linear(`${from}.mlp.dense_h_to_4h`, `${to}.ff.up`, inner, D, true);
    b.linear(`${from}.mlp.dense_4h_to_h`, `${to}.ff.down`, D, inner, true);
    b.put(`${from}.attention.rotary_emb.inv_freq`, b.make.vector(d / 2)); // old files hold this constant
  }
  b.norm('gpt_neox.final_layer_norm', 'norm', D, true);
  tables(b, spec, 'gpt_neox.embed_in.weight', 'embed_out.weight');
  return {
    ...b,
    config: {
      model_type: 'gpt_neox',
      hidden_size: D,
      num_attention_heads: heads,
      num_hidden_layers: layers,
      intermediate_size: inner,
      layer_norm_eps: 1e-4,
      max_position_embeddings: 90,
      tie_word_embeddings: spec.tied,
      ...spec.config,
    },
    decoder: decoderOf(spec, {
      norm: { kind: 'layer', eps: 1e-4, bias: true },
      parallelResidual: true,
      feedForward: { inner, activation: 'gelu', gated: false, bias: true },
    }),
    contextLength: 90,
    embedding: 'gpt_neox.embed_in.weight',
    head: spec.tied ? null : 'embed_out.weight',
    blocksPath: 'gpt_neox.layers',
  };
};

interface MptNames {
  type: string;
  norms: [string, string, string];
  up: string;
  down: string;
  qkNorm: boolean;
}

const mptLike =
  ({ type, norms, up, down, qkNorm }: MptNames): Family =>
  (spec, seed) => {
    const { width: D, heads, layers, inner, bias } = spec;
    const b = new Builder(spec.type, seed);
    for (let i = 0; i < layers; i++) {
      const [from, to] = [`transformer.blocks.${i}`, `blocks.${i}`];
      b.norm(`${from}.${norms[0]}`, `${to}.norm1`, D, bias);
      b.linear(`${from}.attn.Wqkv`, `${to}.attn.qkv`, 3 * D, D, bias);
      if (qkNorm)
        for (const which of ['q', 'k']) b.norm(`${from}.attn.${which}_ln`, `${to}.attn.${which}_norm`, D, bias);
      b.linear(`${from}.attn.out_proj`, `${to}.attn.out`, D, D, bias);
      b.norm(`${from}.${norms[1]}`, `${to}.norm2`, D, bias);
      b.linear(`${from}.${up}`, `${to}.ff.up`, inner, D, bias);
      b.linear(`${from}.${down}`, `${to}.ff.down`, D, inner, bias);
    }
    b.norm(`transformer.${norms[2]}`, 'norm', D, bias);
    tables(b, spec, 'transformer.wte.weight', 'lm_head.weight');
    const norm = { kind: 'layer', eps: 1e-5, bias } as const;
    return {
      ...b,
      config: { model_type: type, d_model: D, n_heads: heads, n_layers: layers, max_seq_len: 80, ...spec.config },
      decoder: decoderOf(spec, { norm, qkNorm: qkNorm ? { over: 'width', norm } : null }),
      contextLength: 80,
      embedding: 'transformer.wte.weight',
      head: spec.tied ? null : 'lm_head.weight',
      blocksPath: 'transformer.blocks',
    };
  };

/** MPT-1B: mosaic_gpt of examples/llm. */
export const mosaicGpt = mptLike({
  type: 'mosaic_gpt',
  norms: ['ln_1', 'ln_2', 'ln_f'],
  up: 'mlp.mlp_up',
  down: 'mlp.mlp_down',
  qkNorm: true,
});

/** MPT-7B: llm-foundry models/mpt. */
export const mpt = mptLike({
  type: 'mpt',
  norms: ['norm_1', 'norm_2', 'norm_f'],
  up: 'ffn.up_proj',
  down: 'ffn.down_proj',
  qkNorm: false,
});

/** modeling_opt.py; `short` names are those of files without the leading `model.`. */
const optLike =
  (short: boolean): Family =>
  (spec, seed) => {
    const { width: D, heads, layers, inner, bias } = spec;
    const b = new Builder(spec.type, seed);
    const root = short ? 'decoder' : 'model.decoder';
    for (let i = 0; i < layers; i++) {
      const [from, to] = [`${root}.layers.${i}`, `blocks.${i}`];
      const attention = `${from}.self_attn`;
      b.norm(`${attention}_layer_norm`, `${to}.norm1`, D, true);
      b.stack(
        `${to}.attn.qkv`,
        [
          [`${attention}.q_proj`, D],
          [`${attention}.k_proj`, D],
          [`${attention}.v_proj`, D],
        ],
        D,
        bias,
      );
      b.linear(`${attention}.out_proj`, `${to}.attn.out`, D, D, bias);
      b.norm(`${from}.final_layer_norm`, `${to}.norm2`, D, true);
      b.linear(`${from}.fc1`, `${to}.ff.up`, inner, D, bias);
      b.linear(`${from}.fc2`, `${to}.ff.down`, D, inner, bias);
    }
    b.put(`${root}.embed_positions.weight`, b.make.make([72, D], -1, 1), 'positions.weight');
    if (spec.decoder?.finalNorm !== false) b.norm(`${root}.final_layer_norm`, 'norm', D, true);
    if (spec.tableWidth !== undefined) {
      b.linear(`${root}.project_in`, 'embed.project', D, spec.tableWidth, false);
      b.linear(`${root}.project_out`, 'head.project', spec.tableWidth, D, false);
    }
    tables(b, spec, `${root}.embed_tokens.weight`, 'lm_head.weight');
    return {
      ...b,
      config: {
        model_type: 'opt',
        hidden_size: D,
        num_attention_heads: heads,
        num_hidden_layers: layers,
        ffn_dim: inner,
        max_position_embeddings: 70,
        word_embed_proj_dim: spec.tableWidth ?? D,
        do_layer_norm_before: true,
        ...spec.config,
      },
      decoder: decoderOf(spec, {
        position: { kind: 'learned', offset: 2, rows: 72 },
        feedForward: { inner, activation: 'relu', gated: false, bias },
      }),
      contextLength: 70,
      embedding: 'model.decoder.embed_tokens.weight',
      head: spec.tied ? null : 'lm_head.weight',
      blocksPath: 'model.decoder.layers',
    };
  };
export const opt = optLike(false);
export const optShort = optLike(true);

/** modeling_llama.py. */
export const llama: Family = (spec, seed) => {
  const { width: D, heads, kvHeads = heads, headDim: d = D / heads, layers, inner, bias } = spec;
  const b = new Builder(spec.type, seed);
  for (let i = 0; i < layers; i++) {
    const [from, to] = [`model.layers.${i}`, `blocks.${i}`];
    const attention = `${from}.self_attn`;
    b.norm(`${from}.input_layernorm`, `${to}.norm1`, D, false);
    b.stack(
      `${to}.attn.qkv`,
      [
        [`${attention}.q_proj`, heads * d],
        [`${attention}.k_proj`, kvHeads * d],
        [`${attention}.v_proj`, kvHeads * d],
      ],
      D,
      bias,
    );
    b.linear(`${attention}.o_proj`, `${to}.attn.out`, D, heads * d, bias);
    b.norm(`${from}.post_attention_layernorm`, `${to}.norm2`, D, false);
    b.stack(
      `${to}.ff.up`,
      [
        [`${from}.mlp.gate_proj`, inner],
        [`${from}.mlp.up_proj`, inner],
      ],
      D,
      bias,
    );
    b.linear(`${from}.mlp.down_proj`, `${to}.ff.down`, D, inner, bias);
  }
  b.norm('model.norm', 'norm', D, false);
  tables(b, spec, 'model.embed_tokens.weight', 'lm_head.weight');
  return {
    ...b,
    config: {
      model_type: 'llama',
      hidden_size: D,
      num_attention_heads: heads,
      num_key_value_heads: kvHeads,
      num_hidden_layers: layers,
      intermediate_size: inner,
      rms_norm_eps: 1e-3,
      max_position_embeddings: 64,
      tie_word_embeddings: spec.tied,
      ...spec.config,
    },
    decoder: decoderOf(spec, {
      norm: { kind: 'rms', eps: 1e-3, bias: false },
      feedForward: { inner, activation: 'silu', gated: true, bias },
    }),
    contextLength: 64,
    embedding: 'model.embed_tokens.weight',
    head: spec.tied ? null : 'lm_head.weight',
    blocksPath: 'model.layers',
  };
};

export function tables(
  b: Builder,
  { rows, tableWidth, width: D, tied }: LanguageSpec,
  embedding: string,
  head: string,
): void {
  const width = tableWidth ?? D;
  b.put(embedding, b.make.make([rows, width], -1, 1));
  if (!tied) b.put(head, b.make.matrix(rows, width));
}
