import { stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import * as v from 'valibot';
import { FlamingoError, isFlamingoError } from '../core/errors';
import { findWeights, readJson } from './sources';

export interface ConvertPaths {
  /** Folder of one whole checkpoint, or whose flamingo.json names the parts. */
  model?: string;
  vision?: string;
  language?: string;
  flamingo?: string;
  tokenizer?: string;
}

const whole = v.pipe(v.number(), v.integer(), v.minValue(1));
const heads = v.nullish(v.object({ heads: v.nullish(whole), dim_head: v.nullish(whole) }));

/** What flamingo.json may say beside the paths; everything is optional. */
const settings = v.object({
  family: v.optional(v.literal('openflamingo', 'only "openflamingo" is converted by this version')),
  cross_attn_every_n_layers: v.nullish(whole),
  /** Where the blocks are in the language model; it must be where this family has them. */
  decoder_layers: v.nullish(v.string()),
  image_token: v.optional(v.string()),
  end_of_chunk_token: v.optional(v.string()),
  /** The numbers of these tokens; the tokenizer must give the same. */
  image_token_id: v.nullish(v.number()),
  end_of_chunk_id: v.nullish(v.number()),
  max_num_frames: v.nullish(whole),
  /** A token attends to its own picture only, as in all published models; or, if false, to all pictures so far. */
  only_attend_immediate_media: v.nullish(v.boolean()),
  /** Features behind the tower's final norm (open_clip since 2.23), or before it (older versions). */
  vision_tokens: v.optional(v.picklist(['after-post-norm', 'before-post-norm'])),
  perceiver: heads,
  cross_attention: heads,
});
const parts = v.object({
  ...settings.entries,
  vision: v.string(),
  language: v.string(),
  flamingo: v.string(),
  tokenizer: v.optional(v.string()),
});

/** A flamingo.json beside one whole checkpoint says nothing that must be said; what it says must be right. */
const wholeSettings = v.object({
  family: v.optional(v.string()),
  tokenizer: v.optional(v.string()),
  cross_attn_every_n_layers: v.nullish(whole),
  max_num_frames: v.nullish(whole),
  image_token: v.optional(v.string()),
  image_token_id: v.nullish(v.number()),
  end_of_chunk_token: v.optional(v.string()),
  end_of_chunk_id: v.nullish(v.number()),
  fake_token: v.optional(v.string()),
  fake_token_id: v.nullish(v.number()),
  end_of_utterance_id: v.nullish(v.number()),
  end_of_turn_token: v.optional(v.string()),
  end_of_turn_id: v.nullish(v.number()),
  answer_token: v.optional(v.string()),
  answer_token_id: v.nullish(v.number()),
});

export type WholeSettings = v.InferOutput<typeof wholeSettings>;

/** Empty where there is no such file. */
export async function readWholeSettings(path: string): Promise<{ settings: WholeSettings; notes: string[] }> {
  const { output, notes } = await optionalSettings(path, wholeSettings);
  return { settings: output, notes };
}

export type FlamingoSettings = v.InferOutput<typeof settings>;

export interface ResolvedPaths {
  vision: string;
  language: string;
  flamingo: string;
  tokenizer: string;
  settings: FlamingoSettings;
  name: string;
  baseModels: string[];
  notes: string[];
}

const DELTA = 'A checkpoint.pt of OpenFlamingo is a delta: it holds neither the vision tower nor the language model.';

/** The parts of a model, named one by one or by a folder's flamingo.json. Throws `invalid-option` for a part that nobody names. */
export async function resolvePaths(options: ConvertPaths): Promise<ResolvedPaths> {
  if (options.model !== undefined) return await fromFolder(options.model, options);
  const { vision, language, flamingo } = options;
  for (const [flag, path] of Object.entries({ vision, language, flamingo })) {
    if (path !== undefined) continue;
    throw new FlamingoError('invalid-option', `--${flag} is missing.`, {
      hint: `Give --vision, --language and --flamingo, or --model FOLDER with a flamingo.json. ${DELTA}`,
      details: { flag },
    });
  }
  const named = { vision: vision!, language: language!, flamingo: flamingo! };
  const beside = join(dirname(named.flamingo), 'flamingo.json');
  const { output, notes } = await optionalSettings(beside, settings);
  return {
    ...named,
    tokenizer: options.tokenizer ?? (await tokenizerBeside(named.language)),
    settings: output,
    name: basename(named.flamingo).replace(/\.\w+$/, ''),
    baseModels: [basename(named.vision), basename(named.language)],
    notes,
  };
}

/** A folder's tokenizer.json, or the file that describes its model itself. */
async function tokenizerBeside(language: string): Promise<string> {
  const weights = await findWeights('--language', language);
  const beside = join(dirname(weights), 'tokenizer.json');
  return weights.endsWith('.gguf') && !(await isFile(beside)) ? weights : beside;
}

async function isFile(path: string): Promise<boolean> {
  return await stat(path).then(
    (info) => info.isFile(),
    () => false,
  );
}

/** Throws for a --model that names no parts: `not-found` where there is no such folder or no flamingo.json in it, `invalid-option` for a file. */
async function checkNamesParts(folder: string): Promise<void> {
  if (await isFile(join(folder, 'flamingo.json'))) return;
  const info = await stat(folder).catch(() => undefined);
  if (info) throw noModel(folder, !info.isDirectory());
  throw new FlamingoError('not-found', `--model: ${folder} does not exist.`, {
    hint: 'Check the path.',
    details: { folder },
  });
}

/** What is said of a --model, on this disk or on a hub, that is a file, or a folder that is no model. */
export function noModel(place: string, isOneFile: boolean): FlamingoError {
  const holds = 'holds neither the config.json of a whole model nor a flamingo.json that names parts';
  const what = isOneFile ? 'is a file; a folder is expected' : holds;
  return new FlamingoError(isOneFile ? 'invalid-option' : 'not-found', `--model: ${place} ${what}.`, {
    hint: `Name the parts as --vision, --language and --flamingo. ${DELTA}`,
    details: { place },
  });
}

async function fromFolder(folder: string, given: ConvertPaths): Promise<ResolvedPaths> {
  await checkNamesParts(folder);
  const { output, notes } = await readSettings(join(folder, 'flamingo.json'), parts);
  const { vision, language, flamingo, tokenizer = 'tokenizer.json', ...rest } = output;
  const within = (path: string) => resolve(folder, path);
  return {
    vision: given.vision ?? within(vision),
    language: given.language ?? within(language),
    flamingo: given.flamingo ?? within(flamingo),
    tokenizer: given.tokenizer ?? within(tokenizer),
    settings: rest,
    name: basename(resolve(folder)),
    baseModels: [],
    notes,
  };
}

type Settings = typeof settings | typeof parts | typeof wholeSettings;

async function optionalSettings<S extends typeof settings | typeof wholeSettings>(path: string, schema: S) {
  return await readSettings(path, schema).catch((error): { output: v.InferOutput<S>; notes: string[] } => {
    if (isFlamingoError(error) && error.code === 'not-found') return { output: {} as v.InferOutput<S>, notes: [] };
    throw error;
  });
}

/** Fields that are not known are named in the notes: they change nothing. Throws `bad-file` naming the field. */
async function readSettings<S extends Settings>(path: string, schema: S) {
  const json = await readJson(path);
  const result = v.safeParse(schema, json);
  if (result.success) {
    const unknown = Object.keys(json).filter((key) => !(key in parts.entries || key in schema.entries));
    return { output: result.output, notes: unknown.map((key) => `${path}: ${key} is not known and was not used.`) };
  }
  const [issue] = result.issues;
  throw new FlamingoError('bad-file', `${path}: ${v.getDotPath(issue) ?? 'root'}: ${issue.message}.`, {
    hint: 'It names "vision", "language" and "flamingo"; beside one whole checkpoint it is not needed.',
    details: { path, field: v.getDotPath(issue) },
  });
}
