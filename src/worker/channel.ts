import { deserializeError, FlamingoError, STOPPED, throwIfAborted } from '../core/errors';
import type { LoadProgress } from '../session/load-types';
import type { GeneratedToken } from '../session/types';
import { watchLock } from './liveness';
import type { FromWorker, Method, Methods, ToWorker } from './protocol';

/** The part of Worker that is used; a MessagePort in tests. */
export interface WorkerLike {
  postMessage(message: ToWorker): void;
  addEventListener(type: 'message' | 'error' | 'messageerror', listener: (event: Event) => void): void;
  terminate(): void;
}

interface Pending {
  resolve(value: unknown): void;
  reject(error: FlamingoError): void;
  onToken?(token: GeneratedToken): void;
  onProgress?(progress: LoadProgress): void;
}

export interface CallOptions {
  signal?: AbortSignal;
  onToken?(token: GeneratedToken): void;
  onProgress?(progress: LoadProgress): void;
  /** Tokens the caller has seen when it gives up. */
  consumed?(): number;
}

/** Calls into one worker. When the worker or its device dies, every pending and later call rejects with the reason. */
export class Channel {
  /** Resolves with the reason when nothing can be computed any more; not after close(). */
  readonly lost: Promise<FlamingoError>;
  private readonly pending = new Map<number, Pending>();
  private nextId = 1;
  private failure: FlamingoError | undefined;
  private announceLoss: (error: FlamingoError) => void = () => undefined;
  private stopWatching: () => void = () => undefined;

  constructor(private readonly worker: WorkerLike) {
    this.lost = new Promise((resolve) => {
      this.announceLoss = resolve;
    });
    worker.addEventListener('message', (event) => this.receive((event as MessageEvent<FromWorker>).data));
    worker.addEventListener('error', (event) => this.fail(workerError(event)));
    worker.addEventListener('messageerror', () => this.fail(died('A message from the worker could not be read.')));
    const lock = `flamingo-web/${crypto.randomUUID()}`;
    this.watch = () => {
      this.stopWatching = watchLock(lock, () => this.fail(died('The worker that runs the model has ended.')));
    };
    worker.postMessage({ kind: 'hello', lock });
  }

  /** Rejects at once when the signal fires, whatever the worker is doing; the worker then undoes what it did for the call. */
  async call<M extends Method>(
    method: M,
    args: Methods[M]['args'],
    { signal, onToken, onProgress, consumed = () => 0 }: CallOptions = {},
  ): Promise<Methods[M]['result']> {
    throwIfAborted(signal);
    if (this.failure) throw this.failure;
    const id = this.nextId++;
    const cancel = () => {
      this.pending.delete(id);
      this.worker.postMessage({ kind: 'cancel', id, consumed: consumed() });
    };
    let onAbort = () => undefined as undefined;
    try {
      return await new Promise<Methods[M]['result']>((resolve, reject) => {
        this.pending.set(id, { resolve: resolve as (value: unknown) => void, reject, onToken, onProgress });
        onAbort = () => {
          cancel();
          reject(stopped(signal));
          return undefined;
        };
        signal?.addEventListener('abort', onAbort);
        this.worker.postMessage({ kind: 'call', id, method, args } as ToWorker);
      });
    } finally {
      signal?.removeEventListener('abort', onAbort);
      this.pending.delete(id);
    }
  }

  /** Ends the worker. Pending calls reject with `disposed`. */
  close(): void {
    this.end(new FlamingoError('disposed', 'The model was disposed of.', { hint: 'Load it again.' }));
  }

  private readonly watch: () => void;

  private receive(message: FromWorker): void {
    if (message.kind === 'hello') {
      if (message.locked) this.watch();
    } else if (message.kind === 'lost') {
      this.fail(deserializeError(message.error));
    } else {
      this.settle(message);
    }
  }

  private settle(message: Exclude<FromWorker, { kind: 'hello' | 'lost' }>): void {
    const pending = this.pending.get(message.id);
    if (!pending) return; // cancelled meanwhile
    if (message.kind === 'token') pending.onToken?.(message.token);
    else if (message.kind === 'progress') pending.onProgress?.(message.progress);
    else if (message.kind === 'result') pending.resolve(message.value);
    else pending.reject(deserializeError(message.error));
  }

  private fail(error: FlamingoError): void {
    if (this.failure) return;
    this.end(error);
    this.announceLoss(error);
  }

  private end(error: FlamingoError): void {
    this.failure ??= error;
    this.stopWatching();
    this.worker.terminate();
    for (const { reject } of this.pending.values()) reject(error);
    this.pending.clear();
  }
}

function stopped(signal: AbortSignal | undefined): FlamingoError {
  return new FlamingoError('aborted', STOPPED, { cause: signal?.reason });
}

function died(message: string, details: Record<string, unknown> = {}): FlamingoError {
  return new FlamingoError('internal', message, {
    hint: 'Try again: the model is loaded anew. If it happens again, close other tabs or use a smaller model.',
    details,
  });
}

/** `error` events carry a message when a script threw, and none when the script could not be loaded at all. */
function workerError(event: Event): FlamingoError {
  const { message, filename, lineno } = event as Partial<ErrorEvent>;
  if (message) return died(`The worker failed: ${message}`, { filename, lineno });
  return new FlamingoError('not-found', 'The script of the worker could not be loaded.', {
    hint: 'Check the connection and that every file of the build is served, then try again.',
  });
}
