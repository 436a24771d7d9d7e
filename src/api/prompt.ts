import { templateParts } from '../core/template-parts';
import type { PromptTemplate } from '../format/manifest';
import type { MediaHandle, Part } from '../session/types';

/** A message whose pictures are encoded. Chunk ends come from documents. */
export type PromptPiece = Part;

/** Where the words go in a template, and the pictures in front of all words where that is not its very beginning. */
const SLOT = '{text}';
const MEDIA_SLOT = '{media}';

/** What of a package's templates a message needs. */
type Template = Pick<PromptTemplate, 'question' | 'caption' | 'templateTokens'>;

/**
 * A user's message as the model was trained to read it. Pictures stay where they stand between the words; those in front of all words stand
 * before the template, or in its slot for media, as in training. A message without words asks for a caption. Words are never read as special tokens: they stay text parts.
 *
 * @param continues the context already holds an answer, which the end-of-chunk token closes first.
 */
export function buildPrompt(template: Template, message: readonly PromptPiece[], continues: boolean): Part[] {
  const pieces = trimmed(message);
  const partsOf = (words: string) => templateParts(words, template.templateTokens);
  const [before, after] = sides(template.question);
  const words = pieces.findIndex((piece) => piece.type === 'text');
  const parts: Part[] = continues ? [{ type: 'end-of-chunk' }] : [];
  if (words < 0) {
    const [outside, inside] = aroundMedia(sides(template.caption)[0].replace(/ +$/, ''));
    return [...parts, ...partsOf(outside), ...pieces, ...partsOf(inside)];
  }
  const [outside, inside] = aroundMedia(before).map(partsOf);
  return [...parts, ...outside, ...pieces.slice(0, words), ...inside, ...pieces.slice(words), ...partsOf(after)];
}

/** A finished exchange, to be read again by a new session. */
export function buildExchange(
  template: Template,
  message: readonly PromptPiece[],
  answer: string,
  continues: boolean,
): Part[] {
  return [...buildPrompt(template, message, continues), ...text(answer)];
}

/** The message with each picture replaced by its handle, behind the end of a chunk where a document has one there. */
export function encoded<P extends { id: string; endsChunk?: boolean }>(
  message: readonly ({ type: 'text'; value: string } | { type: 'picture'; value: P })[],
  handles: ReadonlyMap<string, MediaHandle>,
): PromptPiece[] {
  const pieces: PromptPiece[] = [];
  for (const part of message) {
    if (part.type === 'text') {
      pieces.push(part);
      continue;
    }
    const handle = handles.get(part.value.id);
    if (!handle) throw new TypeError(`Picture ${part.value.id} has no handle.`); // encoded just before: cannot happen
    if (part.value.endsChunk) pieces.push(...endOfChunk(pieces.pop()));
    pieces.push({ type: 'media', value: handle });
  }
  return pieces;
}

/** What stood before, without the blank that separates chunks to the eye, and the token. */
function endOfChunk(before: PromptPiece | undefined): PromptPiece[] {
  if (!before) return []; // what stood before was removed: there is no chunk to end
  const trimmedText = before.type === 'text' ? { ...before, value: before.value.trimEnd() } : before;
  return [trimmedText, { type: 'end-of-chunk' }];
}

function sides(template: string): [string, string] {
  const at = template.indexOf(SLOT);
  return at < 0 ? [template, ''] : [template.slice(0, at), template.slice(at + SLOT.length)];
}

/** What stands before the pictures and behind them. */
function aroundMedia(words: string): [string, string] {
  const at = words.indexOf(MEDIA_SLOT);
  return at < 0 ? ['', words] : [words.slice(0, at), words.slice(at + MEDIA_SLOT.length)];
}

function text(value: string): Part[] {
  return value === '' ? [] : [{ type: 'text', value }];
}

/** Without blank pieces, and without blanks at the very beginning and end of the words. */
function trimmed(message: readonly PromptPiece[]): PromptPiece[] {
  const pieces = message.filter((piece) => piece.type !== 'text' || piece.value.trim() !== '');
  const first = pieces.findIndex((piece) => piece.type === 'text');
  const last = pieces.findLastIndex((piece) => piece.type === 'text');
  return pieces.map((piece, i) => {
    if (piece.type !== 'text') return piece;
    const start = i === first ? piece.value.trimStart() : piece.value;
    return { type: 'text', value: i === last ? start.trimEnd() : start };
  });
}
