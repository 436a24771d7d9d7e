import { attend, dot, vector } from './attend';

export interface CausalSizes {
  rows: number;
  position: number;
  capacity: number;
  heads: number;
  kv_heads: number;
  d: number;
  scale: number;
}

/** f64 reference for attention/causal. q [rows, heads, d]; keys, values [kv_heads, capacity, d]; slopes [heads] or undefined; y [rows, heads * d]. */
export function causal(
  { rows, position, capacity, heads, kv_heads, d, scale }: CausalSizes,
  q: ArrayLike<number>,
  keys: ArrayLike<number>,
  values: ArrayLike<number>,
  slopes?: ArrayLike<number>,
): Float64Array {
  const y = new Float64Array(rows * heads * d);
  for (let r = 0; r < rows; r++) {
    for (let h = 0; h < heads; h++) {
      const kv = Math.floor(h / (heads / kv_heads)) * capacity;
      const query = vector(q, (r * heads + h) * d, d);
      const scores = Array.from(
        { length: position + r + 1 },
        (_, j) => scale * dot(query, vector(keys, (kv + j) * d, d)) + (slopes?.[h] ?? 0) * (j - (position + r)),
      );
      y.set(
        attend(scores, (j) => vector(values, (kv + j) * d, d), d),
        (r * heads + h) * d,
      );
    }
  }
  return y;
}
