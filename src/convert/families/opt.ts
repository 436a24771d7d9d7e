import { tensorOf } from '../../format/tensor-source';
import type { RecipeBook } from '../recipe';
import type { ModelFolder } from '../sources';
import { activationOf, allow, flagField, headWidth, numberField } from './fields';
import { countBlocks, hasAny, type LanguageModel, mover, plainDecoder, stack } from './language';

/** Rows of the position table before position 0. OPTLearnedPositionalEmbedding.offset. */
const POSITION_OFFSET = 2;

/** OPT. Source: transformers models/opt/modeling_opt.py. */
export function opt(folder: ModelFolder): LanguageModel {
  const { source } = folder;
  // Published files have the tensors with and without the leading `model.`.
  const root = hasAny(source, /^decoder\./) ? 'decoder' : 'model.decoder';
  const [width, heads] = [numberField(folder, 'hidden_size'), numberField(folder, 'num_attention_heads')];
  allow(folder, 'layer_norm_elementwise_affine', [true]);
  const layers = countBlocks(folder, /^(?:model\.)?decoder\.layers\.(\d+)\./, numberField(folder, 'num_hidden_layers'));
  const headDim = headWidth(folder, width, heads);
  const bias = hasAny(source, /decoder\.layers\.\d+\.(self_attn\.\w+_proj|fc[12])\.bias$/);
  const [rows] = tensorOf(source, `${root}.embed_positions.weight`).shape;
  const tied = flagField(folder, 'tie_word_embeddings', true);
  const normBefore = flagField(folder, 'do_layer_norm_before', true);
  const finalNorm = normBefore && !flagField(folder, '_remove_final_layer_norm', false);
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
      norm: { kind: 'layer', eps: 1e-5, bias: true },
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
      stack(book, source, 'positions', [`${root}.embed_positions`], false);
      if (finalNorm) stack(book, source, 'norm', [`${root}.final_layer_norm`], true);
      if (embeddingWidth === width) return;
      stack(book, source, 'embed.project', [`${root}.project_in`], false);
      stack(book, source, 'head.project', [`${root}.project_out`], false);
    },
    ignore(name) {
      if (tied && name === 'lm_head.weight') return 'the head is the embedding table';
      return !finalNorm && name.startsWith(`${root}.final_layer_norm.`)
        ? 'config.json leaves this norm out'
        : undefined;
    },
  };
}

/** Norms before the halves of a block, or behind them: the names are the same. */
function fillBlocks(book: RecipeBook, { source }: ModelFolder, root: string, layers: number, bias: boolean): void {
  for (let i = 0; i < layers; i++) {
    const put = mover(book, source, `${root}.layers.${i}`, `blocks.${i}`);
    put('norm1', true, 'self_attn_layer_norm');
    put('attn.qkv', bias, 'self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj');
    put('attn.out', bias, 'self_attn.out_proj');
    put('norm2', true, 'final_layer_norm');
    put('ff.up', bias, 'fc1');
    put('ff.down', bias, 'fc2');
  }
}
