import { type TensorSource, tensorOf } from '../../format/tensor-source';
import type { RecipeBook } from '../recipe';
import type { ModelFolder } from '../sources';
import { activationOf, flagField, headWidth, numberField } from './fields';
import { countBlocks, hasAny, type LanguageModel, mover, plainDecoder, stack } from './language';

/** Rows of the position table before position 0. OPTLearnedPositionalEmbedding.offset. */
const POSITION_OFFSET = 2;

/** Biases of products, which some files lack; norms have theirs. */
const BIASES = /decoder\.layers\.\d+\.(self_attn\.\w+_proj|fc[12])\.bias$/;

/** OPT. Source: transformers models/opt/modeling_opt.py. */
export function opt(folder: ModelFolder): LanguageModel {
  const { source } = folder;
  // Published files have the tensors with and without the leading `model.`.
  const root = hasAny(source, /^decoder\./) ? 'decoder' : 'model.decoder';
  const [width, heads] = [numberField(folder, 'hidden_size'), numberField(folder, 'num_attention_heads')];
  const layers = countBlocks(folder, /^(?:model\.)?decoder\.layers\.(\d+)\./, numberField(folder, 'num_hidden_layers'));
  const headDim = headWidth(folder, width, heads);
  const bias = flagField(folder, 'enable_bias', true) && hasAny(source, BIASES);
  const [rows] = tensorOf(source, `${root}.embed_positions.weight`).shape;
  const tied = flagField(folder, 'tie_word_embeddings', true);
  const normBefore = flagField(folder, 'do_layer_norm_before', true);
  const finalNorm = normBefore && !flagField(folder, '_remove_final_layer_norm', false);
  const affine = flagField(folder, 'layer_norm_elementwise_affine', true);
  const embeddingWidth = numberField(folder, 'word_embed_proj_dim', width);
  return {
    width,
    ...(embeddingWidth === width ? {} : { embeddingWidth }),
    contextLength: rows - POSITION_OFFSET,
    embedding: `${root}.embed_tokens.weight`,
    head: tied ? null : 'lm_head.weight',
    blocksPath: 'model.decoder.layers',
    source,
    moduleName: (own) => (own.startsWith('decoder.') ? `model.${own}` : own),
    ownName: (module) => (root === 'decoder' ? module.replace(/^model\./, '') : module),
    decoder: plainDecoder({
      layers,
      heads,
      headDim,
      norm: { kind: 'layer', eps: 1e-5, bias: affine },
      position: { kind: 'learned', offset: POSITION_OFFSET, rows },
      bias: { qkv: bias, out: bias, head: false },
      feedForward: {
        inner: numberField(folder, 'ffn_dim'),
        activation: activationOf(folder, 'activation_function', 'relu'),
        gated: false,
        bias,
      },
      ...(normBefore ? {} : { normPlacement: 'after' }),
      ...(finalNorm ? {} : { finalNorm }),
      tiedHead: tied,
    }),
    fill(book) {
      fillBlocks(book, folder, root, layers, bias);
      fillNorms(book, source, normNames(root, layers, finalNorm), affine ? undefined : width);
      stack(book, source, 'positions', [`${root}.embed_positions`], false);
      if (embeddingWidth === width) return;
      stack(book, source, 'embed.project', [`${root}.project_in`], false);
      stack(book, source, 'head.project', [`${root}.project_out`], false);
    },
    ignore(name) {
      if (tied && name === 'lm_head.weight') return 'the head is the embedding table';
      if (!finalNorm && name.startsWith(`${root}.final_layer_norm.`)) return 'config.json leaves this norm out';
      if (!bias && BIASES.test(name)) return 'config.json leaves biases out';
      return !affine && /layer_norm\.(weight|bias)$/.test(name) ? 'norms have no weights by config.json' : undefined;
    },
  };
}

/** Canonical names of the norms by the file's. Those of a block stand before its halves or behind them: the names are the same. */
function normNames(root: string, layers: number, finalNorm: boolean): Map<string, string> {
  const names = new Map<string, string>();
  for (let i = 0; i < layers; i++) {
    names.set(`blocks.${i}.norm1`, `${root}.layers.${i}.self_attn_layer_norm`);
    names.set(`blocks.${i}.norm2`, `${root}.layers.${i}.final_layer_norm`);
  }
  return finalNorm ? names.set('norm', `${root}.final_layer_norm`) : names;
}

/** Without `elementwise_affine` norms only scale to unit variance: their `width` weights are ones, biases they have none. */
function fillNorms(
  book: RecipeBook,
  source: TensorSource,
  names: ReadonlyMap<string, string>,
  width: number | undefined,
): void {
  for (const [target, name] of names) {
    if (width === undefined) stack(book, source, target, [name], true);
    else book.set(`${target}.weight`, { rows: width, of: 1 });
  }
}

function fillBlocks(book: RecipeBook, { source }: ModelFolder, root: string, layers: number, bias: boolean): void {
  for (let i = 0; i < layers; i++) {
    const put = mover(book, source, `${root}.layers.${i}`, `blocks.${i}`);
    put('attn.qkv', bias, 'self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj');
    put('attn.out', bias, 'self_attn.out_proj');
    put('ff.up', bias, 'fc1');
    put('ff.down', bias, 'fc2');
  }
}
