/** Reference for cache/append-media: kv [n, 2 * heads * d] into `slot` of keys and values [slots, heads, n, d], in place. */
export function appendMedia(
  kv: ArrayLike<number>,
  keys: Float32Array,
  values: Float32Array,
  { n, heads, d, slot }: { n: number; heads: number; d: number; slot: number },
): void {
  for (let l = 0; l < n; l++) {
    for (let h = 0; h < heads; h++) {
      for (let c = 0; c < d; c++) {
        const to = ((slot * heads + h) * n + l) * d + c;
        keys[to] = kv[l * 2 * heads * d + h * d + c];
        values[to] = kv[l * 2 * heads * d + (heads + h) * d + c];
      }
    }
  }
}
