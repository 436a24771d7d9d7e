/** Log-probability of each id under the last ids.length rows of logits [rows, V], in f64. */
export function logProbabilities(logits: Float32Array, ids: readonly number[], vocab: number): number[] {
  const first = logits.length / vocab - ids.length;
  return ids.map((id, i) => {
    const row = logits.subarray((first + i) * vocab, (first + i + 1) * vocab);
    let largest = Number.NEGATIVE_INFINITY;
    for (const value of row) largest = Math.max(largest, value);
    let sum = 0;
    for (const value of row) sum += Math.exp(value - largest);
    return row[id] - largest - Math.log(sum);
  });
}
