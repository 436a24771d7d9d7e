import * as v from 'valibot';
import { FlamingoError } from '../core/errors';
import { type FlamingoConfig, flamingoConfig } from '../format/config';
import { decoderTensors, resamplerTensors } from '../format/tensor-names';
import type { TensorSource } from '../format/tensor-source';
import { type Delta, type DeltaSettings, openFlamingoDelta } from './delta';
import { falcon } from './families/falcon';
import type { Described } from './families/fields';
import { gptJ } from './families/gpt-j';
import { gptNeox } from './families/gpt-neox';
import { gpt2 } from './families/gpt2';
import type { LanguageModel } from './families/language';
import { llama } from './families/llama';
import { mpt } from './families/mpt';
import { opt } from './families/opt';
import { preferTrained } from './frozen';
import { checkRecipes, explainUnused, type Recipe, RecipeBook } from './recipe';
import type { ModelFolder } from './sources';
import { fillTables } from './tables';
import type { VisionSource } from './vision-source';

const LANGUAGES: Record<string, (folder: ModelFolder) => LanguageModel> = {
  gpt2,
  gpt_neox: gptNeox,
  mosaic_gpt: mpt,
  mpt,
  opt,
  llama,
  gptj: gptJ,
  falcon,
  RefinedWeb: falcon,
  RefinedWebModel: falcon,
};

/** Everything that is known before a byte is written. */
export interface ConversionPlan {
  config: FlamingoConfig;
  recipes: ReadonlyMap<string, Recipe>;
  unused: { name: string; reason: string }[];
  notes: string[];
}

/** The parts of a model, opened. */
export interface ModelParts {
  vision: VisionSource;
  language: ModelFolder;
  delta: TensorSource;
  /** Number of tokens of the tokenizer. */
  tokens: number;
}

/**
 * Works out the config and where every tensor comes from. Throws `bad-file` for missing tensors and for such that nothing explains,
 * `shape-mismatch` for parts of different models, `unsupported` for an unknown language model.
 */
export async function planConversion(parts: ModelParts, settings: DeltaSettings): Promise<ConversionPlan> {
  const { vision } = parts;
  const model = languageModel(parts.language);
  const added = openFlamingoDelta(parts.delta, model, settings);
  const notes: string[] = [];
  const book = new RecipeBook();
  model.fill(book);
  added.fill(book);
  const { vocab } = fillTables(book, added.source, model, parts.tokens, notes);
  await preferTrained(book, added.source, model, notes);
  checkFeatures(vision, added);
  return finishPlan(book, {
    folder: parts.language,
    vision,
    language: model,
    resampler: added.resampler,
    gated: added.gated,
    vocab,
    notes,
    added: [added],
  });
}

/** What a filled book makes, and what it must account for. */
export interface FilledParts {
  /** Where the config stands, for messages. */
  folder: Described;
  vision: VisionSource;
  language: LanguageModel;
  resampler: FlamingoConfig['resampler'];
  gated: FlamingoConfig['gated'];
  vocab: number;
  notes: string[];
  /** Sources beside the language model's, and why a tensor of theirs may be left out. */
  added: readonly { source: TensorSource; ignore(name: string): string | undefined }[];
}

/** The config, checked, with a recipe for every tensor of it and a reason for every tensor that is left. Throws as planConversion does. */
export function finishPlan(book: RecipeBook, parts: FilledParts): ConversionPlan {
  const { folder, vision, language, resampler, gated, vocab, notes } = parts;
  const { width, embeddingWidth, contextLength, decoder } = language;
  const config: FlamingoConfig = {
    vocab,
    width,
    ...(embeddingWidth === undefined ? {} : { embeddingWidth }),
    contextLength,
    vision: vision.vision,
    resampler,
    gated,
    decoder,
  };
  checkConfig(folder, config);
  checkRecipes([...resamplerTensors(config), ...decoderTensors(config)], book.recipes);
  const unused = [
    ...vision.unused,
    ...explainUnused(book, language.source, (name) => language.ignore(name)),
    ...parts.added.flatMap(({ source, ignore }) => explainUnused(book, source, ignore)),
  ];
  return { config, recipes: book.recipes, unused, notes };
}

/** What a package's reader would refuse is refused before anything is written. */
export function checkConfig({ configFile }: Described, config: FlamingoConfig): void {
  const result = v.safeParse(flamingoConfig, config);
  if (result.success) return;
  const [issue] = result.issues;
  throw new FlamingoError(
    'unsupported',
    `${configFile} leads to ${v.getDotPath(issue) ?? 'a config'}: ${issue.message}.`,
    {
      hint: 'Check the numbers in config.json. If the model works upstream, please report it.',
      details: { file: configFile, field: v.getDotPath(issue) },
    },
  );
}

function languageModel(folder: ModelFolder): LanguageModel {
  const type = folder.config.model_type;
  const open = typeof type === 'string' && Object.hasOwn(LANGUAGES, type) ? LANGUAGES[type] : undefined;
  if (open) return open(folder);
  const what = type === undefined ? 'has no model_type' : `says model_type ${JSON.stringify(type)}`;
  throw new FlamingoError(
    'unsupported',
    `--language: ${folder.configFile} ${what}; it must be one of ${Object.keys(LANGUAGES).join(', ')}.`,
    {
      hint: 'Give the language model’s folder with its config.json.',
      details: { file: folder.configFile, type },
    },
  );
}

function checkFeatures({ vision, label }: VisionSource, { visionWidth, source }: Delta): void {
  if (visionWidth === vision.width) return;
  throw new FlamingoError(
    'shape-mismatch',
    `The vision encoder ${label} gives features of ${vision.width}, the resampler in ${source.label} (perceiver.latents) takes ${visionWidth}.`,
    {
      hint: 'Give the vision encoder that the checkpoint was trained with as --vision.',
      details: { vision: vision.width, resampler: visionWidth },
    },
  );
}
