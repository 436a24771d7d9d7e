/** Reference for sample/top-k: ids of the k largest logits outside suppress, descending, equal ones by id; NaN never takes part. */
export function topK(logits: ArrayLike<number>, suppress: ReadonlySet<number>, k: number): number[] {
  const ids = Array.from({ length: logits.length }, (_, id) => id).filter(
    (id) => !suppress.has(id) && !Number.isNaN(logits[id]),
  );
  return ids.sort((a, b) => logits[b] - logits[a] || a - b).slice(0, k);
}
