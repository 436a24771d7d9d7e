import { isFlamingoError, throwIfAborted } from '../core/errors';
import type {
  AddMediaOptions,
  FlamingoSession,
  GeneratedToken,
  GenerateOptions,
  MediaHandle,
  MediaSource,
  Part,
} from '../session/types';

/** A call under way: its signal fires when the caller cancels, and `consumed` then says how much of an answer it keeps. */
export interface Running {
  readonly signal: AbortSignal;
  consumed: number;
}

/**
 * A session in the worker. Calls run one after the other, because a caller that gave up does not wait: its next call comes while the
 * cancelled one still winds down. What a cancelled call had done is undone before the next begins.
 */
export class HostSession {
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly session: FlamingoSession) {}

  /** Runs `work` after everything asked for before it. */
  queued<T>(work: (session: FlamingoSession) => Promise<T>): Promise<T> {
    const result = this.last.then(() => work(this.session));
    this.last = result.catch(() => undefined); // the caller gets the error; the queue goes on
    return result;
  }

  addMedia(
    source: MediaSource | readonly MediaSource[],
    options: AddMediaOptions,
    { signal }: Running,
  ): Promise<MediaHandle> {
    return this.queued(async (session) => {
      const handle = await session.addMedia(source, { ...options, signal });
      if (signal.aborted) await session.removeMedia(handle);
      throwIfAborted(signal);
      return handle;
    });
  }

  append(parts: readonly Part[], { signal }: Running): Promise<void> {
    return this.queued(async (session) => {
      const before = await session.position();
      await session.append(parts, { signal });
      if (signal.aborted) await session.rewind(before);
      throwIfAborted(signal);
    });
  }

  /** A caller that gave up too late finds the new context: the former one is gone, and the caller has its parts. */
  setContext(parts: readonly Part[], { signal }: Running): Promise<void> {
    return this.queued(async (session) => {
      await session.setContext(parts, { signal });
      throwIfAborted(signal);
    });
  }

  generate(options: GenerateOptions, running: Running, push: (token: GeneratedToken) => void): Promise<void> {
    return this.queued(async (session) => {
      const before = await session.position();
      try {
        for await (const token of session.generate({ ...options, signal: running.signal })) {
          push(token);
          await nextTask();
        }
        throwIfAborted(running.signal);
      } catch (error) {
        if (isFlamingoError(error) && error.code === 'aborted') await keep(session, before + running.consumed);
        throw error;
      }
    });
  }
}

/** Rewinds to `length`, unless the context is already as short. */
async function keep(session: FlamingoSession, length: number): Promise<void> {
  if ((await session.position()) > length) await session.rewind(length);
}

/** Lets messages in, cancellations above all: an executor in wasm may go from token to token without ever leaving the microtask queue. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel(); // not setTimeout, which browsers stretch to 4 ms and more
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
