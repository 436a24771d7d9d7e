export interface AppendSizes {
  n: number;
  heads: number;
  d: number;
}

/** f64 reference for cache/append-media: kv [n, 2 * heads * d] -> keys and values [heads, n, d] of one slot. */
export function appendMedia(
  kv: ArrayLike<number>,
  { n, heads, d }: AppendSizes,
): { keys: Float64Array; values: Float64Array } {
  const keys = new Float64Array(heads * n * d);
  const values = new Float64Array(heads * n * d);
  for (let h = 0; h < heads; h++) {
    for (let j = 0; j < n; j++) {
      for (let c = 0; c < d; c++) {
        keys[(h * n + j) * d + c] = kv[j * 2 * heads * d + h * d + c];
        values[(h * n + j) * d + c] = kv[j * 2 * heads * d + (heads + h) * d + c];
      }
    }
  }
  return { keys, values };
}
