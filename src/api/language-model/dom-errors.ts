import { isFlamingoError } from '../../core/errors';

/** Codes of this library as the names that the Prompt API's callers test. What is not here stays a FlamingoError. */
const NAMES: Record<string, string> = {
  aborted: 'AbortError',
  disposed: 'InvalidStateError',
  unsupported: 'NotSupportedError',
  'context-overflow': 'QuotaExceededError',
};

/**
 * An error as the Prompt API throws it: a DOMException of the standard's name whose `cause` is the FlamingoError, the signal's own reason when the
 * caller aborted, a TypeError for wrong arguments. A QuotaExceededError has `requested` and `quota` in tokens.
 */
export function asDomError(error: unknown, signal?: AbortSignal): unknown {
  if (!isFlamingoError(error)) return error;
  if (error.code === 'aborted' && signal?.aborted) return signal.reason;
  const message = `${error.message} ${error.hint}`.trimEnd();
  if (error.code === 'invalid-option') return new TypeError(message, { cause: error });
  const name = NAMES[error.code];
  if (!name) return error;
  const { tokens: requested, capacity: quota } = error.details;
  return Object.assign(new DOMException(message, name), {
    cause: error,
    ...(name === 'QuotaExceededError' ? { requested, quota } : {}),
  });
}
