import { roundToBfloat } from '../../core/half';
import { type Family, tables } from './families';
import { Builder, decoderOf } from './language';
import { exact, rowsOf, stacked } from './tensors';

/** modeling_gptj.py: one norm for both halves of a block, and a head with a bias. `config.rotary_dim` and `decoder.position` come with the spec. */
export const gptJ: Family = (spec, seed) => {
  const { width: D, heads, layers, inner, rows, tied } = spec;
  const b = new Builder(spec.type, seed);
  for (let i = 0; i < layers; i++) {
    const [from, to] = [`transformer.h.${i}`, `blocks.${i}`];
    b.norm(`${from}.ln_1`, `${to}.norm1`, D, true);
    for (const part of ['weight', 'bias'])
      b.canonical.set(`${to}.norm2.${part}`, b.canonical.get(`${to}.norm1.${part}`)!);
    const projections = ['q', 'k', 'v'].map((which): [string, number] => [`${from}.attn.${which}_proj`, D]);
    b.stack(`${to}.attn.qkv`, projections, D, false);
    b.linear(`${from}.attn.out_proj`, `${to}.attn.out`, D, D, false);
    b.linear(`${from}.mlp.fc_in`, `${to}.ff.up`, inner, D, true);
    b.linear(`${from}.mlp.fc_out`, `${to}.ff.down`, D, inner, true);
    b.put(`${from}.attn.masked_bias`, b.make.make([], -2, -1)); // old files hold this constant
  }
  b.norm('transformer.ln_f', 'norm', D, true);
  tables(b, spec, 'transformer.wte.weight', 'lm_head.weight');
  b.put('lm_head.bias', b.make.vector(rows));
  return {
    ...b,
    config: {
      model_type: 'gptj',
      n_embd: D,
      n_head: heads,
      n_layer: layers,
      n_inner: inner,
      n_positions: 70,
      layer_norm_epsilon: 1e-4,
      ...spec.config,
    },
    decoder: decoderOf(spec, {
      norm: { kind: 'layer', eps: 1e-4, bias: true },
      bias: { qkv: false, out: false, head: true },
      feedForward: { inner, activation: 'gelu-tanh', gated: false, bias: true },
      parallelResidual: true,
    }),
    contextLength: 70,
    embedding: 'transformer.wte.weight',
    head: tied ? null : 'lm_head.weight',
    headBias: 'lm_head.bias',
    blocksPath: 'transformer.h',
  };
};

/** modelling_RW.py of Falcon 40B, with the names its config had then: groups of queries with one key and one value, two norms side by side. */
export const refinedWeb: Family = (spec, seed) => {
  const { width: D, heads, kvHeads = heads, layers, inner, bias } = spec;
  const d = D / heads;
  const group = heads / kvHeads;
  const b = new Builder(spec.type, seed);
  for (let i = 0; i < layers; i++) {
    const [from, to] = [`transformer.h.${i}`, `blocks.${i}`];
    b.norm(`${from}.ln_attn`, `${to}.norm1`, D, true);
    b.norm(`${from}.ln_mlp`, `${to}.norm2`, D, true);
    for (const part of bias ? ['weight', 'bias'] : ['weight']) {
      const [q, k, v] = [heads, kvHeads, kvHeads].map((count) =>
        part === 'weight' ? b.make.matrix(count * d, D) : b.make.vector(count * d),
      );
      const groups = Array.from({ length: kvHeads }, (_, g) => [
        rowsOf(q, g * group * d, (g + 1) * group * d),
        rowsOf(k, g * d, (g + 1) * d),
        rowsOf(v, g * d, (g + 1) * d),
      ]);
      b.put(`${from}.self_attention.query_key_value.${part}`, stacked(...groups.flat()));
      b.canonical.set(`${to}.attn.qkv.${part}`, exact(stacked(q, k, v)));
    }
    b.linear(`${from}.self_attention.dense`, `${to}.attn.out`, D, D, bias);
    b.linear(`${from}.mlp.dense_h_to_4h`, `${to}.ff.up`, inner, D, bias);
    b.linear(`${from}.mlp.dense_4h_to_h`, `${to}.ff.down`, D, inner, bias);
  }
  b.norm('transformer.ln_f', 'norm', D, true);
  tables(b, spec, 'transformer.word_embeddings.weight', 'lm_head.weight');
  // Press et al. 2022 for six heads, in the type that the model's code computes them in.
  const slopes = [2 ** -2, 2 ** -4, 2 ** -6, 2 ** -8, 2 ** -1, 2 ** -3].map(roundToBfloat);
  return {
    ...b,
    config: {
      model_type: 'RefinedWeb',
      hidden_size: D,
      n_head: heads,
      n_head_kv: kvHeads,
      n_layer: layers,
      layer_norm_epsilon: 1e-4,
      alibi: true,
      bias,
      tie_word_embeddings: spec.tied,
      ...spec.config,
    },
    decoder: decoderOf(spec, {
      norm: { kind: 'layer', eps: 1e-4, bias: true },
      position: { kind: 'alibi', slopes, rounding: 'bfloat16' },
      parallelResidual: true,
    }),
    contextLength: 2048,
    embedding: 'transformer.word_embeddings.weight',
    head: spec.tied ? null : 'lm_head.weight',
    blocksPath: 'transformer.h',
  };
};
