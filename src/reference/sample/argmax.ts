import { topK } from './top-k';

/** Reference for sample/argmax: the first of top-k, or 0xffffffff when no logit may be chosen. */
export function argmax(logits: ArrayLike<number>, suppress: ReadonlySet<number>): number {
  return topK(logits, suppress, 1)[0] ?? 0xffffffff;
}
