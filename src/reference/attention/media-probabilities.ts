import { dot, softmax, vector } from './attend';

export interface MediaSizes {
  rows: number;
  heads: number;
  d: number;
  n: number;
  scale: number;
}

/** f64 reference for attention/media-probabilities. q [rows, heads * d]; mediaIndex [rows] slots or -1; keys [slots, heads, n, d]; [heads, rows, n]. */
export function mediaProbabilities(
  { rows, heads, d, n, scale }: MediaSizes,
  q: ArrayLike<number>,
  mediaIndex: ArrayLike<number>,
  keys: ArrayLike<number>,
): Float64Array {
  const p = new Float64Array(heads * rows * n);
  for (let r = 0; r < rows; r++) {
    if (mediaIndex[r] < 0) continue;
    for (let h = 0; h < heads; h++) {
      const query = vector(q, (r * heads + h) * d, d);
      const start = (mediaIndex[r] * heads + h) * n;
      const scores = Array.from({ length: n }, (_, j) => scale * dot(query, vector(keys, (start + j) * d, d)));
      p.set(softmax(scores), (h * rows + r) * n);
    }
  }
  return p;
}
