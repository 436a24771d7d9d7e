import type { RecipeBook } from '../recipe';
import type { ModelFolder } from '../sources';
import { activationOf, countBlocks, type LanguageModel, numberField, optionalNumber } from './language';

/** GPT-NeoX, Pythia, RedPajama-INCITE. Source: transformers models/gpt_neox/modeling_gpt_neox.py. */
export function gptNeox(folder: ModelFolder): LanguageModel {
  const { source, config } = folder;
  const [width, heads] = [numberField(folder, 'hidden_size'), numberField(folder, 'num_attention_heads')];
  const layers = countBlocks(folder, /^gpt_neox\.layers\.(\d+)\./, numberField(folder, 'num_hidden_layers'));
  const headDim = width / heads;
  const dims = Math.trunc(headDim * optionalNumber(folder, 'rotary_pct', 0.25));
  const bias = source.tensors.has('gpt_neox.layers.0.attention.query_key_value.bias');
  return {
    width,
    contextLength: numberField(folder, 'max_position_embeddings'),
    embedding: 'gpt_neox.embed_in.weight',
    head: config.tie_word_embeddings === true ? null : 'embed_out.weight',
    blocksPath: 'gpt_neox.layers',
    source,
    decoder: {
      layers,
      heads,
      kvHeads: heads,
      headDim,
      norm: { kind: 'layer', eps: numberField(folder, 'layer_norm_eps'), bias: true },
      position: { kind: 'rotary', dims, theta: optionalNumber(folder, 'rotary_emb_base', 10000), pairing: 'half' },
      qkNorm: null,
      clipQkv: null,
      scale: headDim ** -0.5,
      bias: { qkv: bias, out: bias, head: false },
      feedForward: {
        inner: numberField(folder, 'intermediate_size'),
        activation: activationOf(folder, 'hidden_act', 'gelu'),
        gated: false,
        bias: true,
      },
      parallelResidual: config.use_parallel_residual !== false,
      tiedHead: config.tie_word_embeddings === true,
    },
    fill: (book) => fill(book, folder, { layers, heads, headDim }),
    ignore: (name) =>
      /(rotary_emb\.inv_freq|attention\.bias|masked_bias)$/.test(name) ? 'a constant that is computed here' : undefined,
  };
}

function fill(
  book: RecipeBook,
  { source }: ModelFolder,
  { layers, heads, headDim }: { layers: number; heads: number; headDim: number },
): void {
  const copy = (target: string, name: string) => {
    for (const part of ['weight', 'bias']) {
      if (source.tensors.has(`${name}.${part}`)) book.set(`${target}.${part}`, book.whole(source, `${name}.${part}`));
    }
  };
  for (let i = 0; i < layers; i++) {
    const from = `gpt_neox.layers.${i}`;
    const to = `blocks.${i}`;
    copy(`${to}.norm1`, `${from}.input_layernorm`);
    for (const part of ['weight', 'bias']) {
      const name = `${from}.attention.query_key_value.${part}`;
      if (!source.tensors.has(name)) continue;
      // Rows are stored head by head, query, key and value of one head together; here all queries come first.
      const pieces = [0, 1, 2].flatMap((which) =>
        Array.from({ length: heads }, (_, h) =>
          book.rows(source, name, (3 * h + which) * headDim, (3 * h + which + 1) * headDim),
        ),
      );
      book.set(`${to}.attn.qkv.${part}`, ...pieces);
    }
    copy(`${to}.attn.out`, `${from}.attention.dense`);
    copy(`${to}.norm2`, `${from}.post_attention_layernorm`);
    copy(`${to}.ff.up`, `${from}.mlp.dense_h_to_4h`);
    copy(`${to}.ff.down`, `${from}.mlp.dense_4h_to_h`);
  }
  copy('norm', 'gpt_neox.final_layer_norm');
}
