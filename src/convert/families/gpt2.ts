import { tensorOf } from '../../format/tensor-source';
import type { RecipeBook } from '../recipe';
import type { ModelFolder } from '../sources';
import { transposed } from '../transposed';
import { activationOf, allow, field, flagField, headWidth, numberField } from './fields';
import { computedConstant, countBlocks, type LanguageModel, mover, plainDecoder, SAME_NAMES, stack } from './language';

/** Matrices that are stored as [in, out]: Conv1D. */
const CONV1D = /\.(c_attn|c_proj|c_fc)\.weight$/;

/** GPT-2. Source: transformers models/gpt2/modeling_gpt2.py. */
export function gpt2(folder: ModelFolder): LanguageModel {
  const source = transposed(folder.source, CONV1D);
  const [width, heads] = [
    numberField(folder, ['n_embd', 'hidden_size']),
    numberField(folder, ['n_head', 'num_attention_heads']),
  ];
  refuseOthers(folder);
  const layers = countBlocks(folder, /^transformer\.h\.(\d+)\./, numberField(folder, ['n_layer', 'num_hidden_layers']));
  const headDim = headWidth(folder, width, heads);
  const [rows] = tensorOf(source, 'transformer.wpe.weight').shape;
  const tied = flagField(folder, 'tie_word_embeddings', true);
  return {
    width,
    contextLength: rows,
    embedding: 'transformer.wte.weight',
    head: tied ? null : 'lm_head.weight',
    blocksPath: 'transformer.h',
    source,
    ...SAME_NAMES,
    decoder: plainDecoder({
      layers,
      heads,
      headDim,
      norm: { kind: 'layer', eps: numberField(folder, 'layer_norm_epsilon', 1e-5), bias: true },
      position: { kind: 'learned', offset: 0, rows },
      scale: flagField(folder, 'scale_attn_weights', true) ? headDim ** -0.5 : 1,
      bias: { qkv: true, out: true, head: false },
      feedForward: {
        inner: field(folder, 'n_inner') === undefined ? 4 * width : numberField(folder, 'n_inner'),
        activation: activationOf(folder, 'activation_function', 'gelu_new'),
        gated: false,
        bias: true,
      },
      tiedHead: tied,
    }),
    fill: (book) => fill(book, { ...folder, source }, layers),
    ignore: (name) => {
      if (/\.attn\.(bias|masked_bias)$/.test(name)) return 'a constant that is computed here';
      return tied && name === 'lm_head.weight' ? 'the head is the embedding table' : computedConstant(name);
    },
  };
}

function refuseOthers(folder: ModelFolder): void {
  allow(folder, 'scale_attn_by_inverse_layer_idx', [false]);
  allow(folder, 'add_cross_attention', [false]);
}

function fill(book: RecipeBook, { source }: ModelFolder, layers: number): void {
  stack(book, source, 'positions', ['transformer.wpe'], false);
  for (let i = 0; i < layers; i++) {
    const put = mover(book, source, `transformer.h.${i}`, `blocks.${i}`);
    put('norm1', true, 'ln_1');
    put('attn.qkv', true, 'attn.c_attn');
    put('attn.out', true, 'attn.c_proj');
    put('norm2', true, 'ln_2');
    put('ff.up', true, 'mlp.c_fc');
    put('ff.down', true, 'mlp.c_proj');
  }
  stack(book, source, 'norm', ['transformer.ln_f'], true);
}
