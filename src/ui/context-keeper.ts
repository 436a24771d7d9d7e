import { buildExchange, buildPrompt, encoded } from '../api/prompt';
import { throwIfAborted } from '../core/errors';
import type { LoadedModel } from '../session/load-types';
import type { FlamingoSession, MediaHandle } from '../session/types';
import { type MessagePart, type Picture, picturesOf } from './content';

/** What a context is built from: messages and the answers to them. */
export interface Remembered {
  readonly content: readonly MessagePart[];
  readonly answer: string;
}

/** The session of a conversation, and what it has seen. A new model gets a new one, built from the conversation that the page keeps. */
export class ContextKeeper {
  private readonly handles = new Map<string, Promise<MediaHandle>>();

  private constructor(
    readonly model: LoadedModel,
    readonly session: FlamingoSession,
  ) {}

  /** A session that has read the conversation so far. */
  static async open(model: LoadedModel, conversation: readonly Remembered[], signal?: AbortSignal) {
    const keeper = new ContextKeeper(model, await model.createSession());
    try {
      for (const { content, answer } of conversation) await keeper.replay(content, answer, signal);
    } catch (error) {
      await keeper.close();
      throw error;
    }
    return keeper;
  }

  /** Encodes a picture once, however often it is asked for; a failed one is tried again. Throws `media-unreadable`. */
  encode(picture: Picture, signal?: AbortSignal): Promise<MediaHandle> {
    const known = this.handles.get(picture.id);
    if (known) return known;
    const handle = this.session.addMedia(picture.frames ?? picture.blob, { signal });
    this.handles.set(picture.id, handle);
    handle.catch(() => this.handles.delete(picture.id));
    return handle;
  }

  /** Frees a picture that is no longer in the message or the conversation. */
  async forget(picture: Picture): Promise<void> {
    const handle = this.handles.get(picture.id);
    this.handles.delete(picture.id);
    if (handle) await this.session.removeMedia(await handle);
  }

  /** Appends a question; the answer can be generated then. Nothing is appended when it throws. */
  async ask(content: readonly MessagePart[], signal?: AbortSignal): Promise<void> {
    const message = encoded(content, await this.encodeAll(content, signal));
    const continues = (await this.session.position()) > 0;
    await this.session.append(buildPrompt(this.model.manifest.prompt, message, continues), { signal });
  }

  async close(): Promise<void> {
    await this.session[Symbol.asyncDispose]();
  }

  private async replay(content: readonly MessagePart[], answer: string, signal?: AbortSignal): Promise<void> {
    const message = encoded(content, await this.encodeAll(content, signal));
    const continues = (await this.session.position()) > 0;
    await this.session.append(buildExchange(this.model.manifest.prompt, message, answer, continues), { signal });
  }

  private async encodeAll(content: readonly MessagePart[], signal?: AbortSignal): Promise<Map<string, MediaHandle>> {
    const handles = new Map<string, MediaHandle>();
    for (const picture of picturesOf(content)) {
      throwIfAborted(signal);
      handles.set(picture.id, await abortable(this.encode(picture), signal));
    }
    return handles;
  }
}

/** Rejects as soon as the signal fires; the work itself goes on for others who wait for it. */
export async function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  throwIfAborted(signal);
  if (!signal) return await work;
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => {
      try {
        throwIfAborted(signal);
      } catch (error) {
        reject(error);
      }
    };
    signal.addEventListener('abort', onAbort);
  });
  return await Promise.race([work, aborted]).finally(() => signal.removeEventListener('abort', onAbort));
}
