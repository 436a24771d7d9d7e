import { FlamingoError } from '../../core/errors';
import type { RecipeBook } from '../recipe';
import { type ModelFolder, renamed } from '../sources';
import { activationOf, countBlocks, type LanguageModel, numberField } from './language';

/** Rows of the position table before position 0. OPTLearnedPositionalEmbedding.offset. */
const POSITION_OFFSET = 2;

/** OPT. Source: transformers models/opt/modeling_opt.py. */
export function opt(original: ModelFolder): LanguageModel {
  // Published files have the tensors with and without the leading `model.`.
  const source = renamed(original.source, (name) => (name.startsWith('decoder.') ? `model.${name}` : name));
  const folder = { ...original, source };
  const { config, path } = folder;
  const [width, heads] = [numberField(folder, 'hidden_size'), numberField(folder, 'num_attention_heads')];
  if (config.do_layer_norm_before === false || (config.word_embed_proj_dim ?? width) !== width) {
    throw new FlamingoError(
      'unsupported',
      `${path}: OPT with norms behind the layers or a projected embedding (opt-350m) is not known from any Flamingo.`,
    );
  }
  const layers = countBlocks(folder, /^model\.decoder\.layers\.(\d+)\./, numberField(folder, 'num_hidden_layers'));
  const bias = source.tensors.has('model.decoder.layers.0.fc1.bias');
  const rows =
    source.tensors.get('model.decoder.embed_positions.weight')?.shape[0] ??
    numberField(folder, 'max_position_embeddings') + POSITION_OFFSET;
  return {
    width,
    contextLength: rows - POSITION_OFFSET,
    embedding: 'model.decoder.embed_tokens.weight',
    head: null,
    blocksPath: 'model.decoder.layers',
    source,
    decoder: {
      layers,
      heads,
      kvHeads: heads,
      headDim: width / heads,
      norm: { kind: 'layer', eps: 1e-5, bias: source.tensors.has('model.decoder.layers.0.final_layer_norm.bias') },
      position: { kind: 'learned', offset: POSITION_OFFSET, rows },
      qkNorm: null,
      clipQkv: null,
      scale: (width / heads) ** -0.5,
      bias: { qkv: bias, out: bias, head: false },
      feedForward: {
        inner: numberField(folder, 'ffn_dim'),
        activation: activationOf(folder, 'activation_function', 'relu'),
        gated: false,
        bias,
      },
      parallelResidual: false,
      tiedHead: true,
    },
    fill: (book) => fill(book, folder, layers),
    ignore: (name) => (name === 'lm_head.weight' ? 'the head is the embedding table' : undefined),
  };
}

function fill(book: RecipeBook, { source }: ModelFolder, layers: number): void {
  const stack = (target: string, ...names: string[]) => {
    for (const part of ['weight', 'bias']) {
      const full = names.map((name) => `model.decoder.${name}.${part}`);
      if (source.tensors.has(full[0])) book.set(`${target}.${part}`, ...full.map((name) => book.whole(source, name)));
    }
  };
  for (let i = 0; i < layers; i++) {
    const [from, to] = [`layers.${i}`, `blocks.${i}`];
    stack(`${to}.norm1`, `${from}.self_attn_layer_norm`);
    stack(`${to}.attn.qkv`, `${from}.self_attn.q_proj`, `${from}.self_attn.k_proj`, `${from}.self_attn.v_proj`);
    stack(`${to}.attn.out`, `${from}.self_attn.out_proj`);
    stack(`${to}.norm2`, `${from}.final_layer_norm`);
    stack(`${to}.ff.up`, `${from}.fc1`);
    stack(`${to}.ff.down`, `${from}.fc2`);
  }
  stack('positions', 'embed_positions');
  stack('norm', 'final_layer_norm');
}
