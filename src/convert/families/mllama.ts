import { dirname, join } from 'node:path';
import { isFlamingoError } from '../../core/errors';
import { type FlamingoConfig, selfBlocks } from '../../format/config';
import { decoderTensors, resamplerTensors } from '../../format/tensor-names';
import { type TensorSource, tensorOf } from '../../format/tensor-source';
import { type ConversionPlan, checkConfig } from '../plan';
import { checkRecipes, explainUnused, RecipeBook } from '../recipe';
import { after, renamed, splitSource } from '../renamed';
import { type ModelFolder, readJson } from '../sources';
import type { VisionSource } from '../vision-source';
import { partOf, type WholeCheckpoint, type WholeFamily, type WholeModel } from '../whole-family';
import { activationOf, allow, type Described, field, headWidth, numberField, section, unsupported } from './fields';
import { countBlocks, stack } from './language';
import { mllamaPrompt } from './mllama-prompt';
import { mllamaVision } from './mllama-vision';
import { rotaryPosition } from './rotary';

/** Blocks with cross-attention where config.json does not say. configuration_mllama.py MllamaTextConfig. */
const CROSS_LAYERS = [3, 8, 13, 18, 23, 28, 33, 38];

/** Llama 3.2 Vision: LLaMA, some of whose blocks are cross-attention, over a tiled tower. Source: transformers models/mllama, version 4.45.2. */
export const mllama: WholeFamily = {
  name: 'mllama',
  recognises: ({ config }) => config.model_type === 'mllama',
  open,
};

async function open({ folder, preprocessor, tokenizer, settings }: WholeCheckpoint): Promise<WholeModel> {
  const source = splitSource(renamed(folder.source, upstreamName), {
    vision: after('vision_model.'),
    text: after('language_model.'),
    projector: after('multi_modal_'),
  });
  const vision = mllamaVision(partOf(folder, source.vision, section(folder, 'vision_config').config), preprocessor);
  const text = partOf(folder, source.text, section(folder, 'text_config').config);
  const plan = planOf(vision, text, source.projector);
  const generation = await generationConfig(folder);
  return { vision, plan, tokenizer, prompt: mllamaPrompt(folder, generation, tokenizer, settings, plan.config) };
}

/** The names of version 4.45; from 4.52 on, checkpoints are saved under others. */
function upstreamName(name: string): string {
  if (name.startsWith('model.language_model.')) return name.replace('model.language_model.', 'language_model.model.');
  if (name.startsWith('lm_head.')) return `language_model.${name}`;
  return name.replace(/^model\.(?=vision_model\.|multi_modal_projector\.)/, '');
}

/** What stands in generation_config.json; nothing where there is none. */
async function generationConfig({ configFile }: ModelFolder): Promise<Described> {
  const path = join(dirname(configFile), 'generation_config.json');
  const config = await readJson(path).catch((error): Record<string, unknown> => {
    if (isFlamingoError(error) && error.code === 'not-found') return {};
    throw error;
  });
  return { config, configFile: path };
}

function planOf(vision: VisionSource, text: ModelFolder, projector: TensorSource): ConversionPlan {
  const config = configOf(vision, text);
  checkConfig(text, config);
  const book = new RecipeBook();
  stack(book, projector, 'resampler.projection', ['projector'], true);
  fill(book, text.source, config);
  checkRecipes([...resamplerTensors(config), ...decoderTensors(config)], book.recipes);
  const nothing = () => undefined;
  const unused = [
    ...vision.unused,
    ...explainUnused(book, text.source, nothing),
    ...explainUnused(book, projector, nothing),
  ];
  return { config, recipes: book.recipes, unused, notes: [] };
}

function configOf({ vision }: VisionSource, text: ModelFolder): FlamingoConfig {
  refuseOthers(text);
  const [width, heads] = [numberField(text, 'hidden_size', 4096), numberField(text, 'num_attention_heads', 32)];
  const headDim = headWidth(text, width, heads);
  allow(text, 'head_dim', [headDim]);
  const kvHeads = numberField(text, 'num_key_value_heads', 8);
  if (!Number.isInteger(heads / kvHeads))
    throw unsupported(text, 'num_key_value_heads', kvHeads, `a number that divides the ${heads} heads`);
  const layers = countBlocks(text, /^model\.layers\.(\d+)\./, numberField(text, 'num_hidden_layers', 40));
  const norm = { kind: 'rms', eps: numberField(text, 'rms_norm_eps', 1e-5), bias: false } as const;
  const feedForward = {
    inner: numberField(text, 'intermediate_size', 14336),
    activation: activationOf(text, 'hidden_act', 'silu'),
    gated: true,
    bias: false,
  };
  const [rows] = tensorOf(text.source, 'model.embed_tokens.weight').shape;
  return {
    vocab: numberField(text, 'vocab_size', 128256),
    embeddings: rows,
    width,
    contextLength: numberField(text, 'max_position_embeddings', 131072),
    vision,
    resampler: { kind: 'projection', latents: (vision.tiles ?? 1) * vision.patches, maxFrames: null },
    gated: {
      before: crossLayers(text, layers),
      heads,
      headDim,
      kvHeads,
      qkNorm: norm,
      norm,
      feedForward,
      gate: 'scalar',
      placement: 'replace',
      sees: 'adjacent',
      lead: 'no-feed-forward',
    },
    decoder: {
      layers,
      heads,
      kvHeads,
      headDim,
      norm,
      position: rotaryPosition({ ...text, config: { rope_theta: 500000, ...text.config } }, headDim, 1),
      qkNorm: null,
      clipQkv: null,
      scale: headDim ** -0.5,
      bias: { qkv: false, out: false, head: false },
      feedForward,
      parallelResidual: false,
      tiedHead: false,
    },
  };
}

/** What its code reads and no published model uses. */
function refuseOthers(text: Described): void {
  allow(text, 'tie_word_embeddings', [false], 'The embedding has more rows than the head.');
  allow(text, 'partial_rotary_factor', [1]);
}

/** Blocks that are cross-attention, ascending; upstream ignores numbers that no block has. */
function crossLayers(text: Described, layers: number): number[] {
  const value = field(text, 'cross_attention_layers') ?? CROSS_LAYERS;
  if (!Array.isArray(value) || !value.every(Number.isInteger))
    throw unsupported(text, 'cross_attention_layers', value, 'lists of numbers');
  return [...new Set<number>(value)].filter((i) => i >= 0 && i < layers).sort((a, b) => a - b);
}

function fill(book: RecipeBook, source: TensorSource, config: FlamingoConfig): void {
  const { before } = config.gated;
  const from = (i: number) => (name: string) => `model.layers.${i}.${name}`;
  const put = (i: number, target: string, ...names: string[]) => stack(book, source, target, names.map(from(i)), false);
  const shared = (i: number, to: string, [first, second]: readonly [string, string]) => {
    put(i, `${to}.${first}`, 'input_layernorm');
    put(i, `${to}.${second}`, 'post_attention_layernorm');
    put(i, `${to}.ff.up`, 'mlp.gate_proj', 'mlp.up_proj');
    put(i, `${to}.ff.down`, 'mlp.down_proj');
  };
  for (const i of selfBlocks(config)) {
    const to = `blocks.${i}`;
    shared(i, to, ['norm1', 'norm2']);
    put(i, `${to}.attn.qkv`, ...['q', 'k', 'v'].map((which) => `self_attn.${which}_proj`));
    put(i, `${to}.attn.out`, 'self_attn.o_proj');
  }
  for (const [k, i] of before.entries()) {
    const to = `gated.${k}`;
    shared(i, to, ['norm', 'ff.norm']);
    put(i, `${to}.to_q`, 'cross_attn.q_proj');
    put(i, `${to}.to_kv`, 'cross_attn.k_proj', 'cross_attn.v_proj');
    put(i, `${to}.to_out`, 'cross_attn.o_proj');
    put(i, `${to}.norm_q`, 'cross_attn.q_norm');
    put(i, `${to}.norm_k`, 'cross_attn.k_norm');
    book.set(`${to}.attn_gate`, book.whole(source, from(i)('cross_attn_attn_gate')));
    book.set(`${to}.ff_gate`, book.whole(source, from(i)('cross_attn_mlp_gate')));
  }
  stack(book, source, 'embed', ['model.embed_tokens'], false);
  stack(book, source, 'norm', ['model.norm'], false);
  stack(book, source, 'head', ['lm_head'], false);
}
