/** What `chat.ask` takes: a message as text and pictures in reading order. */
export type ContentPart = { type: 'text'; value: string } | { type: 'image'; value: Blob };

/** A picture in the page: checked, with an address for its thumbnail. */
export interface Picture {
  readonly id: string;
  readonly blob: Blob;
  readonly name: string;
  readonly url: string;
}

/** A message as it stands in the conversation. */
export type MessagePart = { type: 'text'; value: string } | { type: 'picture'; value: Picture };

/** The pictures of a message, in reading order. */
export function picturesOf(parts: readonly MessagePart[]): Picture[] {
  return parts.flatMap((part) => (part.type === 'picture' ? [part.value] : []));
}
