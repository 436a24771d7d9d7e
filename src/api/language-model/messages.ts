import * as v from 'valibot';
import { FlamingoError } from '../../core/errors';
import type { MediaSource } from '../../session/types';

/** One part of a message: words, or a picture as the session takes it. */
export type Piece = { type: 'text'; value: string } | { type: 'image'; value: MediaSource };

export interface Message {
  role: 'system' | 'user' | 'assistant';
  content: Piece[];
  /** Only of the last message of a prompt: the answer begins with it. */
  prefix: boolean;
}

const content = v.union([
  v.string(),
  v.array(v.object({ type: v.picklist(['text', 'image', 'audio']), value: v.unknown() })),
]);
const message = v.object({
  role: v.picklist(['system', 'user', 'assistant']),
  content,
  prefix: v.optional(v.boolean(), false),
});
const prompt = v.union([v.string(), v.array(message)]);

/**
 * What `prompt`, `append` and `initialPrompts` are given, in one form. Throws `invalid-option` for what is no message, `unsupported` for audio.
 * Source: the Prompt API's LanguageModelPrompt.
 */
export async function readMessages(input: unknown): Promise<Message[]> {
  const result = v.safeParse(prompt, input);
  if (!result.success) {
    const [issue] = result.issues;
    throw new FlamingoError('invalid-option', `The prompt${at(issue)} is ${issue.received}; it must be a message.`, {
      hint: 'Give a string, or messages like { role: "user", content: [{ type: "image", value: blob }] }.',
    });
  }
  const messages = typeof result.output === 'string' ? [userMessage(result.output)] : result.output;
  return await Promise.all(
    messages.map(async (each) => ({
      ...each,
      content: typeof each.content === 'string' ? [text(each.content)] : await Promise.all(each.content.map(piece)),
    })),
  );
}

function userMessage(value: string): v.InferOutput<typeof message> {
  return { role: 'user', content: value, prefix: false };
}

async function piece({ type, value }: { type: string; value: unknown }): Promise<Piece> {
  if (type === 'audio') {
    throw new FlamingoError(
      'unsupported',
      'The message has 1 part of type "audio"; this model reads text and images.',
      {
        hint: 'Leave the audio out.',
      },
    );
  }
  if (type === 'image') return { type: 'image', value: await picture(value) };
  if (typeof value === 'string') return text(value);
  throw new FlamingoError('invalid-option', `A text part holds ${typeof value}; it must hold a string.`);
}

/** A picture of any kind that a page can have: files as they are, the rest as a bitmap of the moment. */
async function picture(value: unknown): Promise<MediaSource> {
  if (value instanceof Blob) return value;
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return new Blob([value as BlobPart]);
  if (typeof ImageData !== 'undefined' && value instanceof ImageData) return value;
  try {
    return await createImageBitmap(value as ImageBitmapSource);
  } catch (cause) {
    throw new FlamingoError('invalid-option', `An image part holds ${kind(value)}; no picture can be made of it.`, {
      hint: 'Give a Blob, an ImageBitmap, ImageData, an image, video or canvas element, or the bytes of a file.',
      cause,
    });
  }
}

function text(value: string): Piece {
  return { type: 'text', value };
}

function kind(value: unknown): string {
  return typeof value === 'object' && value !== null ? value.constructor.name : `${value}`;
}

function at(issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue);
  return path ? ` (${path})` : '';
}
