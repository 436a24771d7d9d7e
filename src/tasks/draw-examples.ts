import { FlamingoError } from '../core/errors';
import { permutation } from '../core/permutations';

/** `count` of n numbers without repetition, by seed; the first k of them are what a smaller count draws. Throws `invalid-option` when there are fewer. */
export function drawExamples(n: number, count: number, seed: number): number[] {
  if (count <= n) return permutation(n, seed).slice(0, count);
  throw new FlamingoError('invalid-option', `${count} examples are asked for; there are ${n} to draw from.`, {
    hint: 'Give more support lines, or fewer shots.',
    details: { asked: count, examples: n },
  });
}
