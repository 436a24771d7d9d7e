import { tensorOf } from '../../format/tensor-source';
import type { RecipeBook } from '../recipe';
import type { ModelFolder } from '../sources';
import { activationOf, flagField, headWidth, numberField } from './fields';
import { computedConstant, countBlocks, hasAny, type LanguageModel, plainDecoder, SAME_NAMES, stack } from './language';
import { rotaryPosition } from './rotary';

interface Layout {
  layers: number;
  heads: number;
  bias: { qkv: boolean; out: boolean };
}

/** GPT-NeoX, Pythia, RedPajama-INCITE. Source: transformers models/gpt_neox/modeling_gpt_neox.py. */
export function gptNeox(folder: ModelFolder): LanguageModel {
  const { source } = folder;
  const [width, heads] = [numberField(folder, 'hidden_size'), numberField(folder, 'num_attention_heads')];
  const layers = countBlocks(folder, /^gpt_neox\.layers\.(\d+)\./, numberField(folder, 'num_hidden_layers'));
  const headDim = headWidth(folder, width, heads);
  const bias = {
    qkv: hasAny(source, /\.attention\.query_key_value\.bias$/),
    out: hasAny(source, /\.attention\.dense\.bias$/),
  };
  const tied = flagField(folder, 'tie_word_embeddings', false);
  return {
    width,
    contextLength: numberField(folder, 'max_position_embeddings', 2048),
    embedding: 'gpt_neox.embed_in.weight',
    head: tied ? null : 'embed_out.weight',
    blocksPath: 'gpt_neox.layers',
    source,
    ...SAME_NAMES,
    decoder: plainDecoder({
      layers,
      heads,
      headDim,
      norm: { kind: 'layer', eps: numberField(folder, 'layer_norm_eps', 1e-5), bias: true },
      position: rotaryPosition(folder, headDim, 0.25),
      bias: { ...bias, head: false },
      feedForward: {
        inner: numberField(folder, 'intermediate_size'),
        activation: activationOf(folder, 'hidden_act', 'gelu'),
        gated: false,
        bias: true,
      },
      parallelResidual: flagField(folder, 'use_parallel_residual', true),
      tiedHead: tied,
    }),
    fill: (book) => fill(book, folder, { layers, heads, bias }),
    ignore: (name) =>
      tied && name === 'embed_out.weight' ? 'the head is the embedding table' : computedConstant(name),
  };
}

function fill(book: RecipeBook, { source }: ModelFolder, { layers, heads, bias }: Layout): void {
  const copy = (target: string, name: string, withBias = true) => stack(book, source, target, [name], withBias);
  for (let i = 0; i < layers; i++) {
    const from = `gpt_neox.layers.${i}`;
    const to = `blocks.${i}`;
    copy(`${to}.norm1`, `${from}.input_layernorm`);
    for (const part of bias.qkv ? ['weight', 'bias'] : ['weight']) {
      const name = `${from}.attention.query_key_value.${part}`;
      // Rows are stored head by head, query, key and value of one head together; here all queries come first.
      const rows = tensorOf(source, name).shape[0] / (3 * heads);
      const pieces = [0, 1, 2].flatMap((which) =>
        Array.from({ length: heads }, (_, h) =>
          book.rows(source, name, (3 * h + which) * rows, (3 * h + which + 1) * rows),
        ),
      );
      book.set(`${to}.attn.qkv.${part}`, ...pieces);
    }
    copy(`${to}.attn.out`, `${from}.attention.dense`, bias.out);
    copy(`${to}.norm2`, `${from}.post_attention_layernorm`);
    copy(`${to}.ff.up`, `${from}.mlp.dense_h_to_4h`);
    copy(`${to}.ff.down`, `${from}.mlp.dense_4h_to_h`);
  }
  copy('norm', 'gpt_neox.final_layer_norm');
}
