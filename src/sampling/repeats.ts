/**
 * Tokens that would make a sequence of `size` tokens come twice: each one that followed the last size - 1 tokens before. Source: transformers
 * NoRepeatNGramLogitsProcessor.
 */
export function repeatedNgrams(ids: readonly number[], size: number): number[] {
  if (size < 1 || ids.length + 1 < size) return [];
  const tail = ids.slice(ids.length - size + 1);
  const banned: number[] = [];
  for (let t = 0; t + size <= ids.length; t++) {
    if (tail.every((id, i) => ids[t + i] === id)) banned.push(ids[t + size - 1]);
  }
  return banned;
}

/** Divides the scores of tokens that were seen by `penalty`, multiplies negative ones; in place. Source: transformers RepetitionPenaltyLogitsProcessor. */
export function penalize(scores: Float64Array, seen: Iterable<number>, penalty: number): void {
  for (const id of new Set(seen)) scores[id] = scores[id] < 0 ? scores[id] * penalty : scores[id] / penalty;
}
