import { FlamingoError } from '../core/errors';
import type { FlamingoConfig } from '../format/config';
import { decoderTensors, resamplerTensors } from '../format/tensor-names';
import type { TensorSource } from '../format/tensor-source';
import { type DeltaSettings, fillTables, openFlamingoDelta } from './delta';
import { gptNeox } from './families/gpt-neox';
import type { LanguageModel } from './families/language';
import { llama } from './families/llama';
import { mpt } from './families/mpt';
import { opt } from './families/opt';
import { checkRecipes, type Recipe, RecipeBook } from './recipe';
import type { ModelFolder } from './sources';
import type { VisionSource } from './vision-source';

const LANGUAGES: Record<string, (folder: ModelFolder) => LanguageModel> = {
  gpt_neox: gptNeox,
  mosaic_gpt: mpt,
  mpt,
  opt,
  llama,
};

/** Everything that is known before a byte is written. */
export interface ConversionPlan {
  config: FlamingoConfig;
  recipes: ReadonlyMap<string, Recipe>;
  unused: { name: string; reason: string }[];
  notes: string[];
}

/**
 * Works out the config and where every tensor comes from. Throws `bad-file` for missing tensors and for such that nothing explains,
 * `shape-mismatch` for parts of different models, `unsupported` for an unknown language model.
 */
export function planConversion(
  vision: VisionSource,
  language: ModelFolder,
  delta: TensorSource,
  settings: DeltaSettings,
): ConversionPlan {
  const model = languageModel(language);
  const added = openFlamingoDelta(delta, model, settings);
  const notes: string[] = [];
  const book = new RecipeBook();
  model.fill(book);
  added.fill(book);
  const { vocab } = fillTables(book, added.source, model, notes);
  if (added.visionWidth !== vision.vision.width) {
    throw new FlamingoError(
      'shape-mismatch',
      `The vision encoder gives features of ${vision.vision.width}, the resampler takes ${added.visionWidth}.`,
      {
        hint: 'Give the vision encoder that the checkpoint was trained with.',
        details: { vision: vision.vision.width, resampler: added.visionWidth },
      },
    );
  }
  const { width, contextLength, decoder } = model;
  const config: FlamingoConfig = {
    vocab,
    width,
    contextLength,
    vision: vision.vision,
    resampler: added.resampler,
    gated: added.gated,
    decoder,
  };
  checkRecipes([...resamplerTensors(config), ...decoderTensors(config)], book.recipes);
  const unused = [
    ...vision.unused,
    ...explain(book, model.source, (name) => model.ignore(name)),
    ...explain(book, added.source, (name) => added.ignore(name)),
  ];
  if (vision.unexplained.length > 0) throw unexplained('the vision encoder', vision.unexplained);
  return { config, recipes: book.recipes, unused, notes };
}

function languageModel(folder: ModelFolder): LanguageModel {
  const type = String(folder.config.model_type ?? 'none');
  const open = LANGUAGES[type];
  if (open) return open(folder);
  throw new FlamingoError(
    'unsupported',
    `${folder.path}: model_type ${type} is not one of ${Object.keys(LANGUAGES).join(', ')}.`,
    {
      hint: 'Give the language model’s folder with its config.json.',
      details: { type },
    },
  );
}

function explain(book: RecipeBook, source: TensorSource, reason: (name: string) => string | undefined) {
  const left = book.unused(source).map((name) => ({ name, reason: reason(name) }));
  const without = left.filter((item) => item.reason === undefined).map(({ name }) => name);
  if (without.length > 0) throw unexplained(source.label, without);
  return left.map(({ name, reason: why }) => ({ name, reason: why ?? '' }));
}

function unexplained(label: string, names: string[]): FlamingoError {
  return new FlamingoError(
    'bad-file',
    `${label} has ${names.length} tensors that this converter does not know, first ${names.slice(0, 3).join(', ')}.`,
    {
      hint: 'Leaving them out would give another model. If the checkpoint is a known one, please report it.',
      details: { names },
    },
  );
}
