/** f64 reference for sample/log-probability: logits [rows, vocab] -> per row log-probability of its target, and log-sum-exp; [rows, 2]. */
export function logProbability(logits: ArrayLike<number>, targets: ArrayLike<number>, vocab: number): Float64Array {
  const all = Array.from(logits);
  return Float64Array.from(
    Array.from(targets).flatMap((target, r) => {
      const row = all.slice(r * vocab, (r + 1) * vocab);
      const largest = row.reduce((a, b) => Math.max(a, b));
      const sum = largest + Math.log(row.reduce((total, value) => total + Math.exp(value - largest), 0));
      return [row[target] - sum, sum];
    }),
  );
}
