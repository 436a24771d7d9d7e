import type { RecipeBook } from '../recipe';
import type { ModelFolder } from '../sources';
import { activationOf, field, flagField, headWidth, numberField, unsupported } from './fields';
import { countBlocks, type LanguageModel, mover, plainDecoder, SAME_NAMES, stack } from './language';

/**
 * GPT-J: one norm for attention and feed-forward, both added to the residual at once; rotary embedding of neighbouring pairs; a head with a bias.
 * Source: transformers models/gptj/modeling_gptj.py; the defaults are GPTJConfig's.
 */
export function gptJ(folder: ModelFolder): LanguageModel {
  const { source } = folder;
  const width = numberField(folder, ['n_embd', 'hidden_size'], 4096);
  const heads = numberField(folder, ['n_head', 'num_attention_heads'], 16);
  const headDim = headWidth(folder, width, heads);
  const configured = numberField(folder, ['n_layer', 'num_hidden_layers'], 28);
  const layers = countBlocks(folder, /^transformer\.h\.(\d+)\./, configured);
  const tied = flagField(folder, 'tie_word_embeddings', false);
  return {
    width,
    contextLength: numberField(folder, ['n_positions', 'max_position_embeddings'], 2048),
    embedding: 'transformer.wte.weight',
    head: tied ? null : 'lm_head.weight',
    headBias: 'lm_head.bias',
    blocksPath: 'transformer.h',
    source,
    ...SAME_NAMES,
    decoder: plainDecoder({
      layers,
      heads,
      headDim,
      norm: { kind: 'layer', eps: numberField(folder, 'layer_norm_epsilon', 1e-5), bias: true },
      position: { kind: 'rotary', dims: rotaryDims(folder, width, headDim), theta: 10000, pairing: 'interleaved' },
      bias: { qkv: false, out: false, head: true },
      feedForward: {
        inner: numberField(folder, 'n_inner', 4 * width),
        activation: activationOf(folder, 'activation_function', 'gelu_new'),
        gated: false,
        bias: true,
      },
      parallelResidual: true,
      tiedHead: tied,
    }),
    fill: (book) => fill(book, folder, layers),
    ignore(name) {
      if (tied && name === 'lm_head.weight') return 'the head is the embedding table';
      return /\.attn\.(bias|masked_bias)$/.test(name) ? 'a constant that is computed here' : undefined;
    },
  };
}

/** `rotary_dim: null` turns as many dims as the model is wide, which upstream can only do with a single head. */
function rotaryDims(folder: ModelFolder, width: number, headDim: number): number {
  const dims = folder.config.rotary_dim === null ? width : (field(folder, 'rotary_dim') ?? 64);
  if (typeof dims === 'number' && dims >= 2 && dims % 2 === 0 && dims <= headDim) return dims;
  throw unsupported(folder, 'rotary_dim', folder.config.rotary_dim, `even numbers up to the ${headDim} of a head`);
}

function fill(book: RecipeBook, { source }: ModelFolder, layers: number): void {
  for (let i = 0; i < layers; i++) {
    const put = mover(book, source, `transformer.h.${i}`, `blocks.${i}`);
    put('norm1', true, 'ln_1');
    put('attn.qkv', false, 'attn.q_proj', 'attn.k_proj', 'attn.v_proj');
    put('attn.out', false, 'attn.out_proj');
    put('norm2', true, 'ln_1'); // the same norm: the package holds it twice
    put('ff.up', true, 'mlp.fc_in');
    put('ff.down', true, 'mlp.fc_out');
  }
  stack(book, source, 'norm', ['transformer.ln_f'], true);
}
