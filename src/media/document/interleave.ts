import { FlamingoError } from '../../core/errors';
import { markupOf } from './markup';
import { findPicture } from './pictures';
import type {
  DocumentPart,
  InterleavedDocument,
  InterleaveOptions,
  Item,
  LeftOutPicture,
  RemotePicture,
} from './types';
import { tidy, wordsOf } from './words';

/** Longest document that is read, in characters. */
const MAX_CHARACTERS = 16 * 1024 * 1024;

/**
 * A web page as text and pictures in document order, as Flamingo's training data M3W has them: pictures under 64 pixels or with an aspect ratio over 3 are left out, a chunk ends before each picture that has
 * something before it and at the end of the document (Flamingo 2022, 2.4 and the appendix on M3W). With `keepMarkup` cleaned HTML as text, without chunks, as in CM3.
 * Scripts never run and nothing is fetched: pictures come from data: addresses and `files`; the others are listed as `remote`. Throws `invalid-option` for a document that is too long.
 */
export async function interleave(html: string, options: InterleaveOptions = {}): Promise<InterleavedDocument> {
  if (html.length > MAX_CHARACTERS) {
    throw new FlamingoError(
      'invalid-option',
      `The document has ${html.length} characters; at most ${MAX_CHARACTERS} are read.`,
      {
        hint: 'Copy the part you need.',
        details: { characters: html.length, limit: MAX_CHARACTERS },
      },
    );
  }
  const { body } = new DOMParser().parseFromString(html, 'text/html');
  const items = options.keepMarkup ? markupOf(body) : wordsOf(body);
  return await assemble(items, options);
}

/** Puts found pictures in their places. */
export async function assemble(items: readonly Item[], options: InterleaveOptions): Promise<InterleavedDocument> {
  const parts: DocumentPart[] = [];
  const remote = new Map<string, RemotePicture>();
  const leftOut: LeftOutPicture[] = [];
  for (const item of items) {
    if (item.type === 'text') {
      parts.push(item);
      continue;
    }
    const found = await findPicture(item, options);
    if ('blob' in found) parts.push({ type: 'image', value: found.blob, address: found.address });
    else if ('remote' in found) remote.set(found.remote.address, found.remote);
    else leftOut.push(found.leftOut);
  }
  return { parts: options.keepMarkup ? joined(parts) : chunked(parts), remote: [...remote.values()], leftOut };
}

/** Text without superfluous blanks, none beside pictures; chunk ends before pictures and at the end. */
function chunked(parts: readonly DocumentPart[]): DocumentPart[] {
  const chunks: DocumentPart[] = [];
  for (const part of joined(parts)) {
    if (part.type === 'text') {
      const value = tidy(part.value).trim();
      if (value !== '') chunks.push({ type: 'text', value });
    } else {
      if (chunks.length > 0) chunks.push({ type: 'end-of-chunk' });
      chunks.push(part);
    }
  }
  return chunks.length > 0 ? [...chunks, { type: 'end-of-chunk' }] : [];
}

/** Neighbouring texts as one. */
function joined(parts: readonly DocumentPart[]): DocumentPart[] {
  const result: DocumentPart[] = [];
  for (const part of parts) {
    const last = result.at(-1);
    if (part.type === 'text' && last?.type === 'text')
      result[result.length - 1] = { type: 'text', value: last.value + part.value };
    else if (part.type !== 'text' || part.value !== '') result.push(part);
  }
  return result;
}
