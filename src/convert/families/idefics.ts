import { type FlamingoConfig, isPerceiver, type PerceiverConfig } from '../../format/config';
import { tensorOf } from '../../format/tensor-source';
import { finishPlan } from '../plan';
import { RecipeBook } from '../recipe';
import { splitSource } from '../renamed';
import type { ModelFolder } from '../sources';
import { clipOf } from '../vision-source';
import { partOf, type WholeCheckpoint, type WholeFamily, type WholeModel } from '../whole-family';
import { activationOf, allow, type Described, field, flagField, headWidth, numberField, section } from './fields';
import { ideficsPrompt } from './idefics-prompt';
import { fillGatedLayers, fillResampler, fillTables } from './idefics-tensors';
import { computedConstant, countBlocks, type LanguageModel } from './language';
import { llama } from './llama';

/** IDEFICS of the first generation, base and instruct. Source: transformers models/idefics/{configuration,modeling}_idefics.py, perceiver.py, vision.py. */
export const idefics: WholeFamily = {
  name: 'idefics',
  recognises: ({ config }) => config.model_type === 'idefics',
  open,
};

/** How the checkpoint's tensors are shared out: without the leading `model.` where the reader knows them so. */
const VISION = /^model\.(?=vision_model\.)/;
const ADDED = /^model\.(?=(perceiver_resampler|gated_cross_attn_layers)\.)/;

async function open({ folder, preprocessor, tokenizer, settings }: WholeCheckpoint): Promise<WholeModel> {
  const source = splitSource(folder.source, {
    vision: (name) => (VISION.test(name) ? name.replace(VISION, '') : undefined),
    added: (name) => (ADDED.test(name) ? name.replace(ADDED, '') : undefined),
    language: (name) => (VISION.test(name) || ADDED.test(name) ? undefined : name),
  });
  const tower = section(folder, 'vision_config');
  allow(tower, 'num_channels', [3]);
  const vision = clipOf(partOf(folder, source.vision, visionConfig(tower)), imageProcessor(preprocessor, tower), {
    tokens: 'before-post-norm',
    keepClass: true,
  });
  const language = languageModel(partOf(folder, source.language, languageConfig(folder)));
  const added = partOf(folder, source.added);
  const takesResampler = flagField(folder, 'use_resampler', false);
  const resampler: FlamingoConfig['resampler'] = takesResampler
    ? resamplerOf(added)
    : { kind: 'none', latents: vision.vision.patches, maxFrames: null };
  const gated = gatedOf(folder, language);
  const book = new RecipeBook();
  language.fill(book);
  if (isPerceiver(resampler)) fillResampler(book, source.added, resampler);
  fillGatedLayers(book, source.added, gated);
  const vocab = fillTables(book, folder, language);
  const ignore = (name: string) =>
    !takesResampler && name.startsWith('perceiver_resampler.')
      ? 'config.json leaves the resampler out'
      : computedConstant(name);
  const plan = finishPlan(book, {
    folder,
    vision,
    language,
    resampler,
    gated,
    vocab,
    notes: [],
    added: [{ source: source.added, ignore }],
  });
  return { vision, plan, tokenizer, prompt: ideficsPrompt(folder, tokenizer, settings, vocab) };
}

/** A CLIP tower by other names, with IdeficsVisionConfig's defaults. */
function visionConfig(at: Described): Record<string, unknown> {
  return {
    hidden_size: numberField(at, ['embed_dim', 'hidden_size'], 768),
    image_size: numberField(at, 'image_size', 224),
    num_attention_heads: numberField(at, 'num_attention_heads', 16),
    hidden_act: field(at, 'hidden_act') ?? 'gelu',
    layer_norm_eps: numberField(at, 'layer_norm_eps', 1e-5),
  };
}

/** IdeficsImageProcessor: both sides resized, nothing cropped. In CLIPImageProcessor's fields, which are read next. */
function imageProcessor(given: Described, tower: Described): Described {
  allow(given, 'image_num_channels', [3]);
  const side = numberField(given, 'image_size', numberField(tower, 'image_size', 224));
  const { image_mean, image_std } = given.config;
  const config = { size: { height: side, width: side }, crop_size: side, image_mean, image_std };
  return { config, configFile: given.configFile };
}

/** The language model is LLaMA; only these fields of it are read upstream. */
function languageConfig(folder: Described): Record<string, unknown> {
  return {
    hidden_size: numberField(folder, 'hidden_size', 4096),
    num_attention_heads: numberField(folder, ['num_attention_heads', 'num_heads'], 32),
    num_hidden_layers: numberField(folder, 'num_hidden_layers', 32),
    intermediate_size: numberField(folder, 'intermediate_size', 11008),
    hidden_act: field(folder, 'hidden_act') ?? 'silu',
    rms_norm_eps: numberField(folder, 'rms_norm_eps', 1e-6),
    max_position_embeddings: numberField(folder, 'max_position_embeddings', 2048),
    tie_word_embeddings: flagField(folder, 'tie_word_embeddings', false),
  };
}

function languageModel(folder: ModelFolder): LanguageModel {
  const model = llama(folder);
  const isTwin = (name: string) => model.head === null && /^lm_head\.(additional_fc\.)?weight$/.test(name);
  return { ...model, ignore: (name) => (isTwin(name) ? 'the head is the embedding table' : model.ignore(name)) };
}

function resamplerOf(folder: ModelFolder): PerceiverConfig {
  const at = section(folder, 'perceiver_config');
  const depth = numberField(at, 'resampler_depth', 6);
  const layers = countBlocks(folder, /^perceiver_resampler\.blocks\.(\d+)\./, depth);
  const norm = { kind: 'layer', eps: 1e-5, bias: true } as const;
  const [inner] = tensorOf(folder.source, 'perceiver_resampler.blocks.0.1.fc.weight').shape;
  return {
    layers,
    latents: numberField(at, 'resampler_n_latents', 64),
    heads: numberField(at, 'resampler_n_heads', 16),
    headDim: numberField(at, 'resampler_head_dim', 96),
    norm,
    qkNorm: flagField(at, 'qk_layer_norms_perceiver', false) ? norm : null,
    feedForward: { inner, activation: 'relu', gated: false, bias: false },
    maxFrames: null,
  };
}

function gatedOf(folder: ModelFolder, { width, decoder }: LanguageModel): FlamingoConfig['gated'] {
  allow(folder, 'alpha_type', ['float', 'vector']);
  const every = numberField(folder, 'cross_layer_interval', 1);
  const norm = { kind: 'rms', eps: decoder.norm.eps, bias: false } as const;
  return {
    before: Array.from({ length: decoder.layers }, (_, i) => i).filter((i) => i % every === 0),
    heads: decoder.heads,
    headDim: headWidth(folder, width, decoder.heads),
    norm,
    qkNorm: flagField(folder, 'qk_layer_norms', false) ? norm : null,
    feedForward: {
      inner: decoder.feedForward.inner,
      activation: activationOf(folder, 'hidden_act', 'silu'),
      gated: true,
      bias: false,
    },
    gate: field(folder, 'alpha_type') === 'vector' ? 'vector' : 'scalar',
  };
}
