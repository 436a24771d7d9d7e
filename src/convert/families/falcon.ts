import { roundToBfloat } from '../../core/half';
import type { PositionConfig } from '../../format/config';
import { tensorOf } from '../../format/tensor-source';
import type { RecipeBook } from '../recipe';
import type { ModelFolder } from '../sources';
import { alibiSlopes } from './alibi';
import { activationOf, allow, flagField, headWidth, numberField, unsupported } from './fields';
import { computedConstant, countBlocks, type LanguageModel, mover, plainDecoder, SAME_NAMES, stack } from './language';
import { rotaryPosition } from './rotary';

/** How a block is laid out: fused heads in groups of queries, one key and one value; which norms it has; whether linear layers have biases. */
interface Layout {
  layers: number;
  heads: number;
  kvHeads: number;
  bias: boolean;
  norms: { attention: string; feedForward: string };
}

/**
 * Falcon: the layouts of 7B (one key head for all, one norm, attention and feed-forward side by side), of 40B (grouped heads, two norms) and of
 * falcon-rw (ALiBi, biases, one after the other). Source: transformers models/falcon/modeling_falcon.py; before that file, the same model came with
 * its own code as RefinedWeb (40B) and RefinedWebModel, with other names in its config. The defaults are FalconConfig's.
 */
export function falcon(folder: ModelFolder): LanguageModel {
  const { source } = folder;
  allow(folder, 'apply_residual_connection_post_layernorm', [false]);
  const width = numberField(folder, ['hidden_size', 'n_embed'], 4544);
  const heads = numberField(folder, ['num_attention_heads', 'n_head'], 71);
  const headDim = headWidth(folder, width, heads);
  const configured = numberField(folder, ['num_hidden_layers', 'n_layer'], 32);
  const grouped = flagField(folder, 'new_decoder_architecture', folder.config.n_head_kv !== undefined);
  const parallel = grouped || flagField(folder, 'parallel_attn', true);
  const tied = flagField(folder, 'tie_word_embeddings', true);
  const layout: Layout = {
    layers: countBlocks(folder, /^transformer\.h\.(\d+)\./, configured),
    heads,
    kvHeads: keyHeads(folder, heads, grouped),
    bias: flagField(folder, 'bias', false),
    norms: normsOf(folder, grouped, parallel),
  };
  const { layers, kvHeads, bias } = layout;
  return {
    width,
    contextLength: numberField(folder, 'max_position_embeddings', 2048),
    embedding: 'transformer.word_embeddings.weight',
    head: tied ? null : 'lm_head.weight',
    blocksPath: 'transformer.h',
    source,
    ...SAME_NAMES,
    decoder: plainDecoder({
      layers,
      heads,
      kvHeads,
      headDim,
      norm: { kind: 'layer', eps: numberField(folder, 'layer_norm_epsilon', 1e-5), bias: true },
      position: positionOf(folder, heads, headDim),
      bias: { qkv: bias, out: bias, head: false },
      feedForward: {
        inner: numberField(folder, 'ffn_hidden_size', 4 * width),
        activation: activationOf(folder, 'activation', 'gelu'),
        gated: false,
        bias,
      },
      parallelResidual: parallel,
      tiedHead: tied,
    }),
    fill: (book) => fill(book, folder, layout),
    ignore: (name) => (tied && name === 'lm_head.weight' ? 'the head is the embedding table' : computedConstant(name)),
  };
}

/** `num_kv_heads` counts in the newer layout only; the older one has a key head per query head, or a single one. */
function keyHeads(folder: ModelFolder, heads: number, grouped: boolean): number {
  if (!grouped && flagField(folder, 'multi_query', true)) return 1;
  const kvHeads = numberField(folder, ['num_kv_heads', 'n_head_kv'], heads);
  if (grouped ? Number.isInteger(heads / kvHeads) : kvHeads === heads) return kvHeads;
  throw unsupported(
    folder,
    'num_kv_heads',
    kvHeads,
    grouped
      ? `numbers that divide the ${heads} heads`
      : `${heads}, one for each head, without new_decoder_architecture`,
  );
}

function normsOf(folder: ModelFolder, grouped: boolean, parallel: boolean): Layout['norms'] {
  const count = numberField(folder, 'num_ln_in_parallel_attn', grouped ? 2 : 1);
  if (count !== 1 && !(count === 2 && grouped)) {
    throw unsupported(folder, 'num_ln_in_parallel_attn', count, '1, and 2 with new_decoder_architecture');
  }
  if (count === 2) return { attention: 'ln_attn', feedForward: 'ln_mlp' };
  return { attention: 'input_layernorm', feedForward: parallel ? 'input_layernorm' : 'post_attention_layernorm' };
}

/** ALiBi as build_alibi_tensor makes it: in bfloat16, and scaled together with the scores. */
function positionOf(folder: ModelFolder, heads: number, headDim: number): PositionConfig {
  if (!flagField(folder, 'alibi', false)) return rotaryPosition(folder, headDim, 1);
  allow(folder, 'rope_scaling', [], 'It has no meaning with alibi.');
  return { kind: 'alibi', slopes: alibiSlopes(heads, 8).map(roundToBfloat), rounding: 'bfloat16' };
}

/** Rows of the fused projection are stored group by group: the group's queries, its key, its value; here all queries come first, then keys, then values. */
function fill(book: RecipeBook, { source }: ModelFolder, { layers, heads, kvHeads, bias, norms }: Layout): void {
  const group = heads / kvHeads + 2;
  for (let i = 0; i < layers; i++) {
    const [from, to] = [`transformer.h.${i}`, `blocks.${i}`];
    const put = mover(book, source, from, to);
    put('norm1', true, norms.attention);
    put('norm2', true, norms.feedForward);
    for (const part of bias ? ['weight', 'bias'] : ['weight']) {
      const name = `${from}.self_attention.query_key_value.${part}`;
      const d = tensorOf(source, name).shape[0] / (kvHeads * group);
      const rows = (g: number, first: number, end: number) =>
        book.rows(source, name, (g * group + first) * d, (g * group + end) * d);
      const each = (first: number, end: number) => Array.from({ length: kvHeads }, (_, g) => rows(g, first, end));
      book.set(
        `${to}.attn.qkv.${part}`,
        ...each(0, group - 2),
        ...each(group - 2, group - 1),
        ...each(group - 1, group),
      );
    }
    put('attn.out', bias, 'self_attention.dense');
    put('ff.up', bias, 'mlp.dense_h_to_4h');
    put('ff.down', bias, 'mlp.dense_4h_to_h');
  }
  stack(book, source, 'norm', ['transformer.ln_f'], true);
}
