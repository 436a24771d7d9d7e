import { FlamingoError } from '../../core/errors';
import type { RecipeBook } from '../recipe';
import type { ModelFolder } from '../sources';
import { activationOf, countBlocks, type LanguageModel, numberField, optionalNumber } from './language';

/** LLaMA and models of its layout. Source: transformers models/llama/modeling_llama.py. */
export function llama(folder: ModelFolder): LanguageModel {
  const { source, config } = folder;
  const [width, heads] = [numberField(folder, 'hidden_size'), numberField(folder, 'num_attention_heads')];
  const layers = countBlocks(folder, /^model\.layers\.(\d+)\./, numberField(folder, 'num_hidden_layers'));
  const headDim = optionalNumber(folder, 'head_dim', width / heads);
  const tied = config.tie_word_embeddings === true;
  const has = (name: string) => source.tensors.has(`model.layers.0.${name}`);
  return {
    width,
    contextLength: numberField(folder, 'max_position_embeddings'),
    embedding: 'model.embed_tokens.weight',
    head: tied ? null : 'lm_head.weight',
    blocksPath: 'model.layers',
    source,
    decoder: {
      layers,
      heads,
      kvHeads: optionalNumber(folder, 'num_key_value_heads', heads),
      headDim,
      norm: { kind: 'rms', eps: numberField(folder, 'rms_norm_eps'), bias: false },
      position: {
        kind: 'rotary',
        dims: headDim,
        theta: optionalNumber(folder, 'rope_theta', 10000),
        pairing: 'half',
        ...rotaryFactors(folder, headDim),
      },
      qkNorm: null,
      clipQkv: null,
      scale: headDim ** -0.5,
      bias: { qkv: has('self_attn.q_proj.bias'), out: has('self_attn.o_proj.bias'), head: false },
      feedForward: {
        inner: numberField(folder, 'intermediate_size'),
        activation: activationOf(folder, 'hidden_act', 'silu'),
        gated: true,
        bias: has('mlp.up_proj.bias'),
      },
      parallelResidual: false,
      tiedHead: tied,
    },
    fill: (book) => fill(book, folder, layers),
    ignore: (name) => {
      if (name.endsWith('rotary_emb.inv_freq')) return 'a constant that is computed here';
      return tied && name === 'lm_head.weight' ? 'the head is the embedding table' : undefined;
    },
  };
}

/** Factor of every frequency under rope_scaling. `linear` divides all; others are refused rather than run wrongly. */
function rotaryFactors({ config, path }: ModelFolder, headDim: number): { factors?: number[] } {
  const scaling = config.rope_scaling as Record<string, unknown> | null | undefined;
  if (!scaling) return {};
  const type = scaling.rope_type ?? scaling.type;
  if (type === 'default') return {};
  if (type === 'linear') return { factors: new Array(headDim / 2).fill(1 / Number(scaling.factor)) };
  throw new FlamingoError(
    'unsupported',
    `${path}: rope_scaling of type ${String(type)} is not known; none or linear is.`,
    {
      hint: 'Use a checkpoint without rotary scaling.',
      details: { type },
    },
  );
}

function fill(book: RecipeBook, { source }: ModelFolder, layers: number): void {
  const stack = (target: string, ...names: string[]) => {
    for (const part of ['weight', 'bias']) {
      const full = names.map((name) => `model.${name}.${part}`);
      if (source.tensors.has(full[0])) book.set(`${target}.${part}`, ...full.map((name) => book.whole(source, name)));
    }
  };
  for (let i = 0; i < layers; i++) {
    const [from, to] = [`layers.${i}`, `blocks.${i}`];
    stack(`${to}.norm1`, `${from}.input_layernorm`);
    stack(`${to}.attn.qkv`, `${from}.self_attn.q_proj`, `${from}.self_attn.k_proj`, `${from}.self_attn.v_proj`);
    stack(`${to}.attn.out`, `${from}.self_attn.o_proj`);
    stack(`${to}.norm2`, `${from}.post_attention_layernorm`);
    stack(`${to}.ff.up`, `${from}.mlp.gate_proj`, `${from}.mlp.up_proj`);
    stack(`${to}.ff.down`, `${from}.mlp.down_proj`);
  }
  stack('norm', 'norm');
}
