import type { MessagePart, Picture } from './content';

/**
 * The message being written: one text, and pictures that stand at offsets of it. Offsets ascend; pictures at the same offset stand in list order.
 * Pure functions, so that the page can keep every earlier state.
 */
export interface Draft {
  readonly text: string;
  readonly pictures: readonly PlacedPicture[];
}

export interface PlacedPicture extends Picture {
  /** UTF-16 offset in `text` that the picture stands before. */
  readonly offset: number;
}

export const EMPTY_DRAFT: Draft = { text: '', pictures: [] };

export function isEmpty({ text, pictures }: Draft): boolean {
  return pictures.length === 0 && text.trim() === '';
}

/** The draft with another text. What changed is found from the common beginning and end; pictures keep the words they stood between. */
export function editText(draft: Draft, text: string): Draft {
  const { text: old } = draft;
  const shorter = Math.min(old.length, text.length);
  let start = 0;
  while (start < shorter && old[start] === text[start]) start++;
  let tail = 0;
  while (tail < shorter - start && old[old.length - 1 - tail] === text[text.length - 1 - tail]) tail++;
  const end = old.length - tail;
  const moved = (offset: number) =>
    offset <= start ? offset : offset >= end ? offset + text.length - old.length : start;
  return { text, pictures: draft.pictures.map((picture) => ({ ...picture, offset: moved(picture.offset) })) };
}

/** Puts pictures where the caret is, behind those that already stand there. */
export function insertPictures(draft: Draft, pictures: readonly Picture[], caret: number): Draft {
  const offset = Math.min(Math.max(0, caret), draft.text.length);
  const at = draft.pictures.filter((picture) => picture.offset <= offset).length;
  const placed = pictures.map((picture) => ({ ...picture, offset }));
  return { ...draft, pictures: draft.pictures.toSpliced(at, 0, ...placed) };
}

/** Puts words and pictures where the caret is, behind pictures that already stand there. */
export function insertParts(draft: Draft, parts: readonly MessagePart[], caret: number): Draft {
  const offset = Math.min(Math.max(0, caret), draft.text.length);
  const inserted = toDraft(parts);
  const moved = (pictures: readonly PlacedPicture[], by: number) =>
    pictures.map((picture) => ({ ...picture, offset: picture.offset + by }));
  const at = draft.pictures.filter((picture) => picture.offset <= offset).length;
  return {
    text: draft.text.slice(0, offset) + inserted.text + draft.text.slice(offset),
    pictures: [
      ...draft.pictures.slice(0, at),
      ...moved(inserted.pictures, offset),
      ...moved(draft.pictures.slice(at), inserted.text.length),
    ],
  };
}

export function removePicture(draft: Draft, id: string): Draft {
  return { ...draft, pictures: draft.pictures.filter((picture) => picture.id !== id) };
}

/** Moves a picture over its neighbour on that side: a picture where one is adjacent, else one word. */
export function movePicture(draft: Draft, id: string, direction: -1 | 1): Draft {
  const from = draft.pictures.findIndex((picture) => picture.id === id);
  const picture = draft.pictures[from];
  if (!picture) return draft;
  const neighbour = draft.pictures[from + direction];
  const offset = wordEdge(draft.text, picture.offset, direction);
  const swaps = neighbour && (neighbour.offset === picture.offset || offset === picture.offset);
  if (swaps) return place(draft, from, from + direction, neighbour.offset);
  if (neighbour && (neighbour.offset - offset) * direction < 0) return place(draft, from, from, neighbour.offset);
  return place(draft, from, from, offset);
}

/** Puts a picture at an offset; `before` names the picture there that it shall precede. */
export function placePicture(draft: Draft, id: string, offset: number, before?: string): Draft {
  const picture = draft.pictures.find((each) => each.id === id);
  if (!picture || id === before) return draft;
  const others = removePicture(draft, id);
  const index = before === undefined ? -1 : others.pictures.findIndex((each) => each.id === before);
  if (index < 0) return insertPictures(others, [picture], offset);
  const moved = { ...picture, offset: others.pictures[index].offset };
  return { ...draft, pictures: others.pictures.toSpliced(index, 0, moved) };
}

/** Moves every picture in front of all words. */
export function picturesFirst(draft: Draft): Draft {
  return { ...draft, pictures: draft.pictures.map((picture) => ({ ...picture, offset: 0 })) };
}

/** True when every picture has all words before it: those words cannot be about it. */
export function wordsComeFirst({ text, pictures }: Draft): boolean {
  if (pictures.length === 0 || text.trim() === '') return false;
  return pictures.every(({ offset }) => text.slice(offset).trim() === '');
}

/** The message in reading order, without blanks at its ends and between adjacent pictures. */
export function toMessage({ text, pictures }: Draft): MessagePart[] {
  const parts: MessagePart[] = [];
  let from = 0;
  for (const { offset, ...picture } of pictures) {
    parts.push({ type: 'text', value: text.slice(from, offset) }, { type: 'picture', value: picture });
    from = offset;
  }
  parts.push({ type: 'text', value: text.slice(from) });
  return parts.filter((part) => part.type === 'picture' || part.value.trim() !== '');
}

/** The inverse of toMessage. */
export function toDraft(parts: readonly MessagePart[]): Draft {
  let draft = EMPTY_DRAFT;
  for (const part of parts) {
    if (part.type === 'text') draft = { ...draft, text: draft.text + part.value };
    else draft = { ...draft, pictures: [...draft.pictures, { ...part.value, offset: draft.text.length }] };
  }
  return draft;
}

function place(draft: Draft, from: number, to: number, offset: number): Draft {
  const rest = draft.pictures.toSpliced(from, 1);
  return { ...draft, pictures: rest.toSpliced(to, 0, { ...draft.pictures[from], offset }) };
}

/** Start of the word before `offset`, or of the one after the next (the end of the text after the last). */
function wordEdge(text: string, offset: number, direction: -1 | 1): number {
  if (direction < 0) return Math.max(0, text.slice(0, offset).search(/\S+\s*$/)); // -1: no word there
  const word = /^\s*\S+\s*/.exec(text.slice(offset));
  return word ? offset + word[0].length : text.length;
}
