import { FlamingoError } from '../../core/errors';
import type { RecipeBook } from '../recipe';
import { type ModelFolder, renamed } from '../sources';
import { countBlocks, type LanguageModel, numberField, optionalNumber } from './language';

/** Names of mosaic_gpt (MPT-1B) and of MPT-7B for the same parts. */
const RENAMES: [RegExp, string][] = [
  [/\.ln_1\./, '.norm_1.'],
  [/\.ln_2\./, '.norm_2.'],
  [/\.mlp\.mlp_up\./, '.ffn.up_proj.'],
  [/\.mlp\.mlp_down\./, '.ffn.down_proj.'],
  [/^transformer\.ln_f\./, 'transformer.norm_f.'],
];

/** MPT-1B (mosaic_gpt, with LayerNorm of q and k) and MPT-7B. Source: mosaicml/llm-foundry models/mpt; transformers models/mpt. */
export function mpt(original: ModelFolder): LanguageModel {
  const source = renamed(original.source, (name) => RENAMES.reduce((text, [from, to]) => text.replace(from, to), name));
  const folder = { ...original, source };
  const { config } = folder;
  const attention = (config.attn_config ?? {}) as Record<string, unknown>;
  const setting = (nested: string, flat: string) => attention[nested] ?? config[flat];
  if (setting('alibi', 'alibi') === false) {
    throw new FlamingoError(
      'unsupported',
      `${folder.path}: MPT without ALiBi (learned positions) is not known from any Flamingo.`,
    );
  }
  const [width, heads] = [numberField(folder, 'd_model'), numberField(folder, 'n_heads')];
  const headDim = width / heads;
  const layers = countBlocks(folder, /^transformer\.blocks\.(\d+)\./, numberField(folder, 'n_layers'));
  const has = (name: string) => source.tensors.has(`transformer.${name}`);
  const maxBias = Number(setting('alibi_bias_max', 'alibi_bias_max') ?? 8);
  const clip = setting('clip_qkv', 'attn_clip_qkv');
  const scale = setting('softmax_scale', 'softmax_scale');
  const norm = {
    kind: 'layer',
    eps: optionalNumber(folder, 'layer_norm_epsilon', 1e-5),
    bias: has('norm_f.bias'),
  } as const;
  const inner =
    source.tensors.get('transformer.blocks.0.ffn.up_proj.weight')?.shape[0] ??
    width * optionalNumber(folder, 'expansion_ratio', 4);
  return {
    width,
    contextLength: numberField(folder, 'max_seq_len'),
    embedding: 'transformer.wte.weight',
    head: null,
    blocksPath: 'transformer.blocks',
    source,
    decoder: {
      layers,
      heads,
      kvHeads: heads,
      headDim,
      norm,
      position: { kind: 'alibi', slopes: alibiSlopes(heads, maxBias) },
      qkNorm: has('blocks.0.attn.q_ln.weight')
        ? { over: 'width', norm: { ...norm, bias: has('blocks.0.attn.q_ln.bias') } }
        : null,
      clipQkv: typeof clip === 'number' ? clip : null,
      scale: typeof scale === 'number' ? scale : headDim ** -0.5,
      bias: { qkv: has('blocks.0.attn.Wqkv.bias'), out: has('blocks.0.attn.out_proj.bias'), head: false },
      feedForward: { inner, activation: 'gelu', gated: false, bias: has('blocks.0.ffn.up_proj.bias') },
      parallelResidual: false,
      tiedHead: true,
    },
    fill: (book) => fill(book, folder, layers),
    ignore: (name) => (name === 'lm_head.weight' ? 'the head is the embedding table' : undefined),
  };
}

/** 2^(-maxBias * k / n) for n the next power of two; odd ones first where the heads are fewer. llm-foundry gen_slopes. */
export function alibiSlopes(heads: number, maxBias: number): number[] {
  const n = 2 ** Math.ceil(Math.log2(heads));
  const all = Array.from({ length: n }, (_, k) => 2 ** ((-maxBias * (k + 1)) / n));
  if (n === heads) return all;
  return [...all.filter((_, k) => k % 2 === 1), ...all.filter((_, k) => k % 2 === 0)].slice(0, heads);
}

function fill(book: RecipeBook, { source }: ModelFolder, layers: number): void {
  const copy = (target: string, name: string) => {
    for (const part of ['weight', 'bias']) {
      const full = `transformer.${name}.${part}`;
      if (source.tensors.has(full)) book.set(`${target}.${part}`, book.whole(source, full));
    }
  };
  for (let i = 0; i < layers; i++) {
    const [from, to] = [`blocks.${i}`, `blocks.${i}`];
    copy(`${to}.norm1`, `${from}.norm_1`);
    copy(`${to}.attn.qkv`, `${from}.attn.Wqkv`);
    copy(`${to}.attn.q_norm`, `${from}.attn.q_ln`);
    copy(`${to}.attn.k_norm`, `${from}.attn.k_ln`);
    copy(`${to}.attn.out`, `${from}.attn.out_proj`);
    copy(`${to}.norm2`, `${from}.norm_2`);
    copy(`${to}.ff.up`, `${from}.ffn.up_proj`);
    copy(`${to}.ff.down`, `${from}.ffn.down_proj`);
  }
  copy('norm', 'norm_f');
}
