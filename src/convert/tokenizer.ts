import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FlamingoError } from '../core/errors';
import { openGguf } from '../format/gguf/gguf';
import { addedToken } from './byte-level';
import { ggufTokenizer } from './gguf/tokenizer';
import { openWith } from './sources';
import { tokenizerOfVocab, VOCAB } from './vocab-and-merges';

interface AddedToken {
  id: number;
  content: string;
}

/** A Hugging Face tokenizer.json, as far as the converter looks into it. */
export interface TokenizerFile {
  path: string;
  text: string;
  /** One more than the largest token number. */
  tokens: number;
  idOf(content: string): number | undefined;
  /** The added token of a number. */
  contentOf(id: number): string | undefined;
}

interface TokenizerJson {
  added_tokens: AddedToken[];
  model?: { vocab?: Record<string, number> | [string, number][] };
}

/** Reads and checks a tokenizer.json, or makes one of what a GGUF file says, or of a vocab.json and merges.txt in its place. Throws `not-found`, `bad-file`. */
export async function readTokenizer(path: string): Promise<TokenizerFile> {
  if (path.endsWith('.gguf')) return await tokenizerOfGguf(path);
  if (basename(path) === VOCAB || (!(await exists(path)) && (await exists(join(dirname(path), VOCAB))))) {
    const text = await tokenizerOfVocab(dirname(path));
    return tokenizerFile(path, text, parse(path, text));
  }
  const text = await readFile(path, 'utf8').catch((cause) => {
    throw new FlamingoError('not-found', `--tokenizer: ${path} does not exist.`, {
      hint: 'Give the tokenizer.json of the model.',
      details: { path },
      cause,
    });
  });
  return tokenizerFile(path, text, parse(path, text));
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    (info) => info.isFile(),
    () => false,
  );
}

async function tokenizerOfGguf(path: string): Promise<TokenizerFile> {
  const { metadata, source } = await openWith(path, openGguf);
  try {
    const text = ggufTokenizer(path, metadata);
    return tokenizerFile(path, text, parse(path, text));
  } finally {
    await source[Symbol.asyncDispose]();
  }
}

/**
 * The tokenizer with `<|endofchunk|>` and `<image>`, and `<PAD>` if the model has a row for it: numbered as OpenFlamingo's factory does it, behind all
 * others. Only where that gives exactly the tokens the model has rows for; undefined otherwise. Source: open_flamingo/src/factory.py.
 */
export function withAddedTokens(file: TokenizerFile, contents: string[], rows: number): TokenizerFile | undefined {
  const wanted = rows === file.tokens + contents.length + 1 ? [...contents, '<PAD>'] : contents;
  if (rows !== file.tokens + wanted.length || wanted.some((content) => file.idOf(content) !== undefined))
    return undefined;
  return withTokens(file, wanted);
}

/** The tokenizer with further special tokens behind all others, as transformers numbers them; those it has already stay. */
export function withTokens(file: TokenizerFile, contents: readonly string[]): TokenizerFile {
  const json = parse(file.path, file.text);
  const added = contents.filter((content) => file.idOf(content) === undefined);
  json.added_tokens.push(...added.map((content, i) => addedToken(content, file.tokens + i)));
  return tokenizerFile(file.path, JSON.stringify(json), json);
}

function tokenizerFile(path: string, text: string, { added_tokens: added, model }: TokenizerJson): TokenizerFile {
  const vocab = model?.vocab ?? {};
  const ids = Array.isArray(vocab) ? vocab.map((_, id) => id) : Object.values(vocab);
  let largest = -1;
  for (const id of ids) largest = Math.max(largest, id);
  for (const { id } of added) largest = Math.max(largest, id);
  const byContent = new Map(added.map(({ content, id }) => [content, id]));
  const byId = new Map(added.map(({ content, id }) => [id, content]));
  return {
    path,
    text,
    tokens: largest + 1,
    idOf: (content) => byContent.get(content),
    contentOf: (id) => byId.get(id),
  };
}

function parse(path: string, text: string): TokenizerJson {
  try {
    const json = JSON.parse(text) as Partial<TokenizerJson> | null;
    if (json && Array.isArray(json.added_tokens)) return { ...json, added_tokens: json.added_tokens };
  } catch {
    // falls through to the same answer
  }
  throw new FlamingoError('bad-file', `${path} is not a Hugging Face tokenizer.json with added_tokens.`, {
    hint: 'Save the tokenizer with save_pretrained and give its tokenizer.json.',
    details: { path },
  });
}
