/** What `chat.ask` takes: a message as text, pictures and clips in reading order. A video may also be an animated GIF, WebP or PNG. */
export type ContentPart =
  | { type: 'text'; value: string }
  | { type: 'image'; value: Blob }
  | { type: 'video'; value: Blob };

/** A picture or a clip in the page: checked, with an address for its thumbnail. */
export interface Picture {
  readonly id: string;
  readonly blob: Blob;
  readonly name: string;
  readonly url: string;
  /** Frames of a clip, in order. A clip is one medium, as a picture is. */
  readonly frames?: readonly Blob[];
  /** A chunk of a document ends before it. */
  readonly endsChunk?: boolean;
}

/** A message as it stands in the conversation. */
export type MessagePart = { type: 'text'; value: string } | { type: 'picture'; value: Picture };

/** The pictures of a message, in reading order. */
export function picturesOf(parts: readonly MessagePart[]): Picture[] {
  return parts.flatMap((part) => (part.type === 'picture' ? [part.value] : []));
}

/** A picture in words: what screen readers say of it. */
export function describePicture({ name, frames }: Picture): string {
  return frames ? `${name}, clip of ${countFrames(frames)}` : name;
}

/** As the badge of a clip says it. */
export function countFrames({ length }: readonly Blob[]): string {
  return `${length} ${length === 1 ? 'frame' : 'frames'}`;
}
