import { basename, dirname, join, resolve } from 'node:path';
import * as v from 'valibot';
import { FlamingoError } from '../core/errors';
import { readJson } from './sources';

export interface ConvertPaths {
  /** Folder whose flamingo.json names the parts. */
  model?: string;
  vision?: string;
  language?: string;
  flamingo?: string;
  tokenizer?: string;
}

const heads = v.optional(v.object({ heads: v.optional(v.number()), dim_head: v.optional(v.number()) }));

/** What flamingo.json may say; everything but the paths is optional. */
const flamingoJson = v.object({
  vision: v.string(),
  language: v.string(),
  flamingo: v.string(),
  tokenizer: v.optional(v.string()),
  cross_attn_every_n_layers: v.optional(v.number()),
  image_token: v.optional(v.string()),
  end_of_chunk_token: v.optional(v.string()),
  /** Features behind the tower's final norm (open_clip since 2.23), or before it (older versions). */
  vision_tokens: v.optional(v.picklist(['after-post-norm', 'before-post-norm'])),
  perceiver: heads,
  cross_attention: heads,
});

export type FlamingoSettings = Omit<
  v.InferOutput<typeof flamingoJson>,
  'vision' | 'language' | 'flamingo' | 'tokenizer'
>;

export interface ResolvedPaths {
  vision: string;
  language: string;
  flamingo: string;
  tokenizer: string;
  settings: FlamingoSettings;
  name: string;
  baseModels: string[];
}

/** The parts of a model, named one by one or by a folder's flamingo.json. Throws `invalid-option` for a part that nobody names. */
export async function resolvePaths(options: ConvertPaths): Promise<ResolvedPaths> {
  if (options.model !== undefined) return await fromFolder(options.model, options);
  const { vision, language, flamingo } = options;
  for (const [flag, path] of Object.entries({ vision, language, flamingo })) {
    if (path !== undefined) continue;
    throw new FlamingoError('invalid-option', `--${flag} is missing.`, {
      hint: 'Give --vision, --language and --flamingo, or --model FOLDER with a flamingo.json.',
      details: { flag },
    });
  }
  const parts = { vision: vision!, language: language!, flamingo: flamingo! };
  const beside = join(dirname(parts.flamingo), 'flamingo.json');
  const settings = await readSettings(beside).catch(() => ({}));
  const tokenizer = options.tokenizer ?? join(parts.language, 'tokenizer.json');
  return {
    ...parts,
    tokenizer,
    settings,
    name: basename(parts.flamingo).replace(/\.\w+$/, ''),
    baseModels: [basename(parts.vision), basename(parts.language)],
  };
}

async function fromFolder(folder: string, given: ConvertPaths): Promise<ResolvedPaths> {
  const {
    vision,
    language,
    flamingo,
    tokenizer = 'tokenizer.json',
    ...settings
  } = await readSettings(join(folder, 'flamingo.json'));
  const within = (path: string) => resolve(folder, path);
  return {
    vision: given.vision ?? within(vision),
    language: given.language ?? within(language),
    flamingo: given.flamingo ?? within(flamingo),
    tokenizer: given.tokenizer ?? within(tokenizer),
    settings,
    name: basename(resolve(folder)),
    baseModels: [],
  };
}

async function readSettings(path: string): Promise<v.InferOutput<typeof flamingoJson>> {
  const result = v.safeParse(flamingoJson, await readJson(path));
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new FlamingoError('bad-file', `${path}: ${v.getDotPath(issue) ?? 'root'}: ${issue.message}.`, {
    hint: 'It names "vision", "language" and "flamingo"; other families are not converted by this version.',
    details: { path },
  });
}
