import { FlamingoError } from '../core/errors';
import type { PromptTemplate } from '../format/manifest';
import type { FlamingoSettings } from './settings';
import { type TokenizerFile, withAddedTokens } from './tokenizer';

/** Tokens that end a text in the tokenizers of known language models. */
const END_TOKENS = ['</s>', '<|endoftext|>', '<|im_end|>'];

const ANOTHER_MODELS = 'The tokenizer belongs to another model: give this model’s as --tokenizer.';

/** Names of the two tokens that OpenFlamingo adds. */
function tokenNames({ image_token = '<image>', end_of_chunk_token = '<|endofchunk|>' }: FlamingoSettings) {
  return { image: image_token, endOfChunk: end_of_chunk_token };
}

/** The tokenizer with the tokens that OpenFlamingo adds: language models come without them. `rows` of the model's table decide whether they fit. */
export function completeTokenizer(
  file: TokenizerFile,
  settings: FlamingoSettings,
  rows: number,
  notes: string[],
): TokenizerFile {
  const { image, endOfChunk } = tokenNames(settings);
  if (file.idOf(image) !== undefined || file.idOf(endOfChunk) !== undefined) return file;
  const complete = withAddedTokens(file, [endOfChunk, image], rows);
  if (!complete) return file;
  const numbers = `${endOfChunk} as ${complete.idOf(endOfChunk)} and ${image} as ${complete.idOf(image)}`;
  notes.push(`${file.path} lacks OpenFlamingo's tokens; they were added where upstream adds them: ${numbers}.`);
  return complete;
}

/** Special tokens and templates. Throws `bad-file` when the tokenizer lacks the image or chunk-end token, `shape-mismatch` when it does not fit the model. */
export function promptOf(file: TokenizerFile, settings: FlamingoSettings, vocab: number): PromptTemplate {
  const { image, endOfChunk } = tokenNames(settings);
  const imageTokenId = tokenNumber(file, image, settings.image_token_id, vocab);
  return {
    imageToken: image,
    imageTokenId,
    endOfChunkToken: endOfChunk,
    endOfChunkId: tokenNumber(file, endOfChunk, settings.end_of_chunk_id, vocab),
    stopIds: endTokens(file),
    suppressIds: [imageTokenId],
    question: 'Question: {text} Answer:',
    caption: 'Output:',
    example: 'Output: {text}',
  };
}

/** Rows that a table may have beyond the tokenizer's tokens: transformers pads tables to a multiple of 64 or 128. */
const PADDING_ROWS = 128;

/** Upstream makes the table as long as the tokenizer, so another length means another model. Throws `shape-mismatch` with both sizes. */
export function checkVocabulary(file: TokenizerFile, vocab: number, notes: string[]): void {
  const { path, tokens } = file;
  if (tokens === vocab) return;
  if (tokens > vocab || vocab - tokens >= PADDING_ROWS) {
    throw new FlamingoError('shape-mismatch', `${path} has ${tokens} tokens, the model ${vocab} rows of embeddings.`, {
      hint: ANOTHER_MODELS,
      details: { path, tokens, vocab },
    });
  }
  notes.push(`${path} has ${tokens} tokens, the model ${vocab} rows: the last ${vocab - tokens} are taken as padding.`);
}

/** Numbers of the tokens that end a text, as far as a tokenizer has them. */
export function endTokens(file: TokenizerFile): number[] {
  return END_TOKENS.map((content) => file.idOf(content)).filter((id): id is number => id !== undefined);
}

/** The number of an added token. `said` is what flamingo.json says of it. Throws `bad-file` and `shape-mismatch` as promptOf does. */
export function tokenNumber(
  file: TokenizerFile,
  content: string,
  said: number | null | undefined,
  vocab: number,
): number {
  const id = file.idOf(content);
  if (id === undefined) {
    throw new FlamingoError(
      'bad-file',
      `${file.path} has no added token ${content}; it has ${file.tokens} tokens, the model ${vocab} rows.`,
      {
        hint: 'Give the tokenizer with the tokens added as --tokenizer, or name its tokens in flamingo.json (image_token, end_of_chunk_token).',
        details: { path: file.path, token: content },
      },
    );
  }
  if (id >= vocab) {
    throw new FlamingoError(
      'shape-mismatch',
      `${file.path}: the token ${content} is number ${id}; the tokenizer has ${file.tokens} tokens, the model ${vocab} rows of embeddings.`,
      {
        hint: ANOTHER_MODELS,
        details: { path: file.path, token: content, id, tokens: file.tokens, vocab },
      },
    );
  }
  if (said === undefined || said === null || said === id) return id;
  throw new FlamingoError(
    'bad-file',
    `${file.path}: the token ${content} is number ${id}, flamingo.json says ${said}; the tokenizer has ${file.tokens} tokens, the model ${vocab} rows.`,
    {
      hint: ANOTHER_MODELS,
      details: { path: file.path, token: content, id, said, tokens: file.tokens, vocab },
    },
  );
}
