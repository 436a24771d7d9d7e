/** What the caller can do about a failure. One code per remedy, not per cause. */
export type ErrorCode =
  /** An option or argument is outside its documented range: fix the call. */
  | 'invalid-option'
  /** The number of pictures differs from the number of image tokens. */
  | 'media-count'
  /** A picture or clip cannot be read: use another file. */
  | 'media-unreadable'
  /** The prompt and the answer do not fit into the context: shorten, or start again. */
  | 'context-overflow'
  /** A file is damaged, incomplete or of another format or version: get it again, or convert again. */
  | 'bad-file'
  /** Tensors do not have the shapes the configuration asks for. */
  | 'shape-mismatch'
  /** A file or address cannot be reached: check path and connection. */
  | 'not-found'
  /** A disk is full or cannot be written: make room, or choose another folder. */
  | 'storage'
  /** What was asked for exists, but this version does not do it. */
  | 'unsupported'
  /** The GPU is missing, too small or was lost: another executor, a smaller model, or a reload. */
  | 'device'
  /** The caller's AbortSignal fired. Nothing is wrong. */
  | 'aborted'
  /** The object was disposed of before the call. */
  | 'disposed'
  /** A defect of flamingo-web: please report it. */
  | 'internal';

export interface ErrorOptions {
  /** What to do next, as a sentence to the user. */
  hint?: string;
  /** The numbers and names behind the message; plain data, it crosses the worker boundary. */
  details?: Record<string, unknown>;
  cause?: unknown;
}

/** The one error class of flamingo-web. Test `code`, not the class: `instanceof` fails across the worker boundary. */
export class FlamingoError extends Error {
  override readonly name = 'FlamingoError';
  readonly hint: string;
  readonly details: Record<string, unknown>;

  constructor(
    readonly code: ErrorCode,
    message: string,
    { hint = '', details = {}, cause }: ErrorOptions = {},
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.hint = hint;
    this.details = details;
  }
}

/** A FlamingoError as plain data, for postMessage and --json. */
export interface SerializedError {
  code: ErrorCode;
  message: string;
  hint: string;
  details: Record<string, unknown>;
  stack?: string;
}

/** Any thrown value as plain data; a foreign error becomes `internal` and keeps its message. */
export function serializeError(error: unknown): SerializedError {
  if (isFlamingoError(error)) {
    const { code, message, hint, details, stack } = error;
    return { code, message, hint, details, stack };
  }
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  return { code: 'internal', message, hint: '', details: {}, stack };
}

/** The inverse of serializeError. */
export function deserializeError({ code, message, hint, details, stack }: SerializedError): FlamingoError {
  const error = new FlamingoError(code, message, { hint, details });
  if (stack) error.stack = stack;
  return error;
}

/** True for errors of this library, also when they come from another copy or realm of it. */
export function isFlamingoError(error: unknown): error is FlamingoError {
  return error instanceof Error && error.name === 'FlamingoError' && 'code' in error;
}

/** What an `aborted` error says where nothing else is to be said of it. */
export const STOPPED = 'The operation was stopped by the caller.';

/** Throws `aborted` when the signal has fired. Called between the steps of every long operation. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  throw new FlamingoError('aborted', STOPPED, { cause: signal.reason });
}
