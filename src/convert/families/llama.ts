import type { RecipeBook } from '../recipe';
import type { ModelFolder } from '../sources';
import { activationOf, flagField, headWidth, numberField, unsupported } from './fields';
import {
  computedConstant,
  countBlocks,
  hasAny,
  type LanguageModel,
  mover,
  plainDecoder,
  SAME_NAMES,
  stack,
} from './language';
import { rotaryPosition } from './rotary';

/** LLaMA and models of its layout. Source: transformers models/llama/modeling_llama.py. */
export function llama(folder: ModelFolder): LanguageModel {
  const { source } = folder;
  const [width, heads] = [numberField(folder, 'hidden_size'), numberField(folder, 'num_attention_heads')];
  const layers = countBlocks(folder, /^model\.layers\.(\d+)\./, numberField(folder, 'num_hidden_layers'));
  const headDim = numberField(folder, 'head_dim', folder.config.head_dim ? undefined : headWidth(folder, width, heads));
  const kvHeads = numberField(folder, 'num_key_value_heads', heads);
  if (!Number.isInteger(heads / kvHeads)) {
    throw unsupported(folder, 'num_key_value_heads', kvHeads, `a number that divides the ${heads} heads`);
  }
  const tied = flagField(folder, 'tie_word_embeddings', false);
  const bias = {
    qkv: hasAny(source, /\.self_attn\.[qkv]_proj\.bias$/),
    out: hasAny(source, /\.self_attn\.o_proj\.bias$/),
    mlp: hasAny(source, /\.mlp\.\w+_proj\.bias$/),
  };
  return {
    width,
    contextLength: numberField(folder, 'max_position_embeddings', 2048),
    embedding: 'model.embed_tokens.weight',
    head: tied ? null : 'lm_head.weight',
    blocksPath: 'model.layers',
    source,
    ...SAME_NAMES,
    decoder: plainDecoder({
      layers,
      heads,
      kvHeads,
      headDim,
      norm: { kind: 'rms', eps: numberField(folder, 'rms_norm_eps', 1e-6), bias: false },
      position: rotaryPosition(folder, headDim, 1),
      bias: { qkv: bias.qkv, out: bias.out, head: false },
      feedForward: {
        inner: numberField(folder, 'intermediate_size'),
        activation: activationOf(folder, 'hidden_act', 'silu'),
        gated: true,
        bias: bias.mlp,
      },
      tiedHead: tied,
    }),
    fill: (book) => fill(book, folder, layers, bias),
    ignore: (name) => (tied && name === 'lm_head.weight' ? 'the head is the embedding table' : computedConstant(name)),
  };
}

function fill(
  book: RecipeBook,
  { source }: ModelFolder,
  layers: number,
  bias: { qkv: boolean; out: boolean; mlp: boolean },
): void {
  for (let i = 0; i < layers; i++) {
    const put = mover(book, source, `model.layers.${i}`, `blocks.${i}`);
    put('norm1', false, 'input_layernorm');
    put('attn.qkv', bias.qkv, 'self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj');
    put('attn.out', bias.out, 'self_attn.o_proj');
    put('norm2', false, 'post_attention_layernorm');
    put('ff.up', bias.mlp, 'mlp.gate_proj', 'mlp.up_proj');
    put('ff.down', bias.mlp, 'mlp.down_proj');
  }
  stack(book, source, 'norm', ['model.norm'], false);
}
