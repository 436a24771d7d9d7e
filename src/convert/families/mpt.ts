import type { NormConfig } from '../../format/config';
import { tensorOf } from '../../format/tensor-source';
import type { RecipeBook } from '../recipe';
import type { ModelFolder } from '../sources';
import { alibiSlopes } from './alibi';
import { allow, field, flagField, headWidth, numberField, section, unsupported } from './fields';
import { countBlocks, hasAny, type LanguageModel, SAME_NAMES, stack } from './language';

/** Modules of a block, ours first: MPT-7B's names, and mosaic_gpt's (MPT-1B). */
const MPT = {
  norm1: 'norm_1',
  'attn.qkv': 'attn.Wqkv',
  'attn.q_norm': 'attn.q_ln',
  'attn.k_norm': 'attn.k_ln',
  'attn.out': 'attn.out_proj',
  norm2: 'norm_2',
  'ff.up': 'ffn.up_proj',
  'ff.down': 'ffn.down_proj',
  norm: 'norm_f',
};
const MOSAIC: typeof MPT = {
  ...MPT,
  norm1: 'ln_1',
  norm2: 'ln_2',
  'ff.up': 'mlp.mlp_up',
  'ff.down': 'mlp.mlp_down',
  norm: 'ln_f',
};

/** MPT-1B (mosaic_gpt, with LayerNorm of q and k) and MPT-7B. Source: mosaicml/llm-foundry models/mpt; transformers models/mpt. */
export function mpt(folder: ModelFolder): LanguageModel {
  const { source } = folder;
  const names = hasAny(source, /^transformer\.blocks\.\d+\.ln_1\./) ? MOSAIC : MPT;
  refuseOthers(folder);
  const [width, heads] = [numberField(folder, 'd_model'), numberField(folder, 'n_heads')];
  const headDim = headWidth(folder, width, heads);
  const layers = countBlocks(folder, /^transformer\.blocks\.(\d+)\./, numberField(folder, 'n_layers'));
  // Attention settings moved from the config itself (mosaic_gpt) to a section of it.
  const attention = section(folder, 'attn_config');
  const setting = (nested: string, flat: string) => field(attention, nested) ?? field(folder, flat);
  const maxBias = setting('alibi_bias_max', 'alibi_bias_max') ?? 8;
  const clip = setting('clip_qkv', 'attn_clip_qkv');
  const scale = setting('softmax_scale', 'softmax_scale');
  const has = (module: string, part: string) => hasAny(source, partOf(module, part));
  const qkNorm = setting('qk_ln', 'attn_qk_ln') === true || has('attn.q_ln', 'weight');
  const norm = normOf(folder, hasAny(source, /^transformer\.(blocks\.\d+\.(norm|ln)_[12]|(norm|ln)_f)\.bias$/));
  const tied = flagField(folder, 'tie_word_embeddings', true);
  return {
    width,
    contextLength: numberField(folder, 'max_seq_len', 2048),
    embedding: 'transformer.wte.weight',
    head: tied ? null : 'lm_head.weight',
    blocksPath: 'transformer.blocks',
    source,
    ...SAME_NAMES,
    decoder: {
      layers,
      heads,
      kvHeads: heads,
      headDim,
      norm,
      position: { kind: 'alibi', slopes: alibiSlopes(heads, positive(folder, 'alibi_bias_max', maxBias)) },
      qkNorm: qkNorm ? { over: 'width', norm: { ...norm, bias: has('attn.q_ln', 'bias') } } : null,
      clipQkv: clip === undefined ? null : positive(folder, 'clip_qkv', clip),
      scale: scale === undefined ? headDim ** -0.5 : positive(folder, 'softmax_scale', scale),
      bias: { qkv: has('attn.Wqkv', 'bias'), out: has('attn.out_proj', 'bias'), head: false },
      feedForward: {
        inner: tensorOf(source, `transformer.blocks.0.${names['ff.up']}.weight`).shape[0],
        activation: 'gelu',
        gated: false,
        bias: has(names['ff.up'], 'bias') || has(names['ff.down'], 'bias'),
      },
      parallelResidual: false,
      tiedHead: tied,
    },
    fill: (book) => fill(book, folder, names, { layers, qkNorm, normBias: norm.bias }),
    ignore: (name) => (tied && name === 'lm_head.weight' ? 'the head is the embedding table' : undefined),
  };
}

/** What the code of MPT can do, but no Flamingo is known to use. */
function refuseOthers(folder: ModelFolder): void {
  const attention = section(folder, 'attn_config');
  const learned = hasAny(folder.source, /^transformer\.wpe\.weight$/);
  const alibi = field(attention, 'alibi') ?? field(folder, 'alibi') ?? !learned;
  if (alibi !== true) throw unsupported(folder, 'alibi', alibi, 'true', 'MPT with learned positions is not known.');
  const unknown = 'No Flamingo is known to use it.';
  allow(attention, 'attn_type', ['multihead_attention'], unknown);
  for (const name of ['rope', 'qk_gn', 'prefix_lm']) allow(attention, name, [false], unknown);
  allow(attention, 'sliding_window_size', [-1], unknown);
  allow(folder, 'prefix_lm', [false], unknown);
  allow(folder, 'logit_scale', [], unknown);
  allow(section(folder, 'ffn_config'), 'ffn_type', ['mptmlp'], unknown);
  allow(section(folder, 'ffn_config'), 'ffn_act_fn', [], unknown);
}

/** Layer norms, or root-mean-square norms in llm-foundry; `low_precision_` is about the type they are computed in. */
function normOf(folder: ModelFolder, bias: boolean): NormConfig {
  const known = ['layernorm', 'low_precision_layernorm', 'rmsnorm', 'low_precision_rmsnorm'];
  allow(folder, 'norm_type', known);
  const kind = String(field(folder, 'norm_type')).endsWith('rmsnorm') ? 'rms' : 'layer';
  return { kind, eps: numberField(folder, ['layer_norm_epsilon', 'norm_eps'], 1e-5), bias };
}

function positive(folder: ModelFolder, name: string, value: unknown): number {
  if (typeof value === 'number' && value > 0) return value;
  throw unsupported(folder, name, value, 'null and positive numbers');
}

/** Such a tensor of any block. */
function partOf(module: string, part: string): RegExp {
  return new RegExp(`^transformer\\.blocks\\.\\d+\\.${module.replaceAll('.', '\\.')}\\.${part}$`);
}

function fill(
  book: RecipeBook,
  { source }: ModelFolder,
  names: typeof MPT,
  { layers, qkNorm, normBias }: { layers: number; qkNorm: boolean; normBias: boolean },
): void {
  for (const [to, from] of Object.entries(names)) {
    if (to === 'norm' || (!qkNorm && /[qk]_norm$/.test(to))) continue;
    const bias = /^norm[12]$/.test(to) ? normBias : hasAny(source, partOf(from, 'bias'));
    for (let i = 0; i < layers; i++)
      stack(book, source, `blocks.${i}.${to}`, [`transformer.blocks.${i}.${from}`], bias);
  }
  stack(book, source, 'norm', [`transformer.${names.norm}`], normBias);
}
