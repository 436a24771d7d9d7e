import { FlamingoError } from '../core/errors';

export const EXECUTORS = ['auto', 'webgpu', 'wasm'] as const;

/** An option's value, if it is one of those it may have. Throws `invalid-option` naming them. */
export function oneOf<T extends string>(flag: string, value: string, known: readonly T[]): T {
  if ((known as readonly string[]).includes(value)) return value as T;
  throw new FlamingoError('invalid-option', `--${flag} is ${value}; it must be one of ${known.join(', ')}.`, {
    hint: `Give --${flag} ${known[0]}, for example.`,
    details: { flag, value, known },
  });
}
