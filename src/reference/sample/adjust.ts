/** Reference for sample/adjust; -65504 stands for a banned token. */
export function adjust(
  logits: ArrayLike<number>,
  { seen, allowed, penalty }: { seen: ReadonlySet<number>; allowed: ReadonlySet<number>; penalty: number },
): Float64Array {
  return Float64Array.from(logits, (value, i) => {
    if (!allowed.has(i)) return -65504;
    if (!seen.has(i)) return value;
    return value < 0 ? value * penalty : value / penalty;
  });
}
