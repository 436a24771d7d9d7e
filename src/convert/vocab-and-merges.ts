import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FlamingoError, isFlamingoError } from '../core/errors';
import { addedToken, beginWith, byteLevelTokenizer } from './byte-level';
import { readJson } from './sources';

/** Files of a tokenizer from before tokenizer.json: OPT's repositories have no others. */
export const VOCAB = 'vocab.json';
const MERGES = 'merges.txt';
const ROLES = ['bos_token', 'eos_token', 'unk_token', 'pad_token'] as const;

/**
 * A tokenizer.json of a folder's vocab.json and merges.txt, with what tokenizer_config.json, special_tokens_map.json and added_tokens.json say. Source:
 * transformers tokenization_gpt2.py and convert_slow_tokenizer.py GPT2Converter. Throws `not-found` and `bad-file`.
 */
export async function tokenizerOfVocab(folder: string): Promise<string> {
  const vocab = await numbers(join(folder, VOCAB));
  const merges = await mergesOf(join(folder, MERGES));
  const config = {
    ...(await optional(folder, 'special_tokens_map.json')),
    ...(await optional(folder, 'tokenizer_config.json')),
  };
  const added = (await optional(folder, 'added_tokens.json')) as Record<string, number>;
  const known = new Map([...Object.entries(vocab), ...Object.entries(added)]);
  const roles = ROLES.map((role) => contentOf(config[role])).filter((content) => known.has(content));
  const special = new Set([...roles, ...Object.keys(added)]);
  const begin = contentOf(config.bos_token);
  const begins = config.add_bos_token === true && known.has(begin);
  const json = byteLevelTokenizer({
    vocab,
    merges,
    added: [...special].map((content) => addedToken(content, known.get(content) ?? 0)).sort((a, b) => a.id - b.id),
    spaceBefore: config.add_prefix_space === true,
    ...(begins ? { begin: beginWith(begin, known.get(begin) ?? 0) } : {}),
  });
  return JSON.stringify(json);
}

/** A token is a text, or an object with a text. */
function contentOf(token: unknown): string {
  const content = typeof token === 'object' && token !== null ? (token as { content?: unknown }).content : token;
  return typeof content === 'string' ? content : '';
}

async function numbers(path: string): Promise<Record<string, number>> {
  const json = await readJson(path);
  if (Object.values(json).every((id) => Number.isInteger(id))) return json as Record<string, number>;
  throw damaged(path, 'gives a token no number');
}

/** Lines of two tokens; the first line may be a comment. */
async function mergesOf(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch((cause) => {
    throw new FlamingoError('not-found', `--tokenizer: ${path} does not exist; ${VOCAB} alone is no tokenizer.`, {
      hint: `Get ${MERGES} beside it, or give a tokenizer.json.`,
      details: { path },
      cause,
    });
  });
  const lines = text.split('\n').filter((line, i) => line.trim() !== '' && !(i === 0 && line.startsWith('#version')));
  const wrong = lines.find((line) => line.trim().split(' ').length !== 2);
  if (wrong === undefined) return lines.map((line) => line.trim());
  throw damaged(path, `has a line of other than two tokens: ${JSON.stringify(wrong.slice(0, 60))}`);
}

async function optional(folder: string, name: string): Promise<Record<string, unknown>> {
  return await readJson(join(folder, name)).catch((error): Record<string, unknown> => {
    if (isFlamingoError(error) && error.code === 'not-found') return {};
    throw error;
  });
}

function damaged(path: string, what: string): FlamingoError {
  return new FlamingoError('bad-file', `${path} ${what}.`, {
    hint: 'Get the file again, or give a tokenizer.json.',
    details: { path },
  });
}
