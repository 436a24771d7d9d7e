import { FlamingoError } from '../core/errors';
import type { ContentPart, MessagePart } from './content';
import { toClip, toPicture } from './take-file';

/** Checks what `ask` was given. Throws `invalid-option` or `media-unreadable`. */
export async function toMessageParts(content: readonly ContentPart[], frames: number): Promise<MessagePart[]> {
  if (!Array.isArray(content) || content.length === 0) {
    throw new FlamingoError('invalid-option', 'ask: 0 parts were given; at least 1 is needed.', {
      hint: "Give [{ type: 'text', value: '…' }].",
    });
  }
  const parts: MessagePart[] = [];
  for (const [index, part] of content.entries()) {
    if (part.type === 'text' && typeof part.value === 'string') parts.push(part);
    else if (part.type === 'image' && part.value instanceof Blob) {
      parts.push({ type: 'picture', value: await toPicture(part.value) });
    } else if (part.type === 'video' && part.value instanceof Blob) {
      parts.push({ type: 'picture', value: await toClip(part.value, frames) });
    } else {
      throw new FlamingoError('invalid-option', `ask: part ${index} is neither a text, a picture nor a video.`, {
        hint: "Give { type: 'text', value: string }, { type: 'image', value: Blob } or { type: 'video', value: Blob }.",
        details: { index },
      });
    }
  }
  return parts;
}
