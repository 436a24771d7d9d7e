import { softmax } from './softmax';

export interface MediaSizes {
  rows: number;
  heads: number;
  d: number;
  n: number;
  scale: number;
}

/** f64 reference for attention/media-probabilities. q [rows, heads * d]; index [rows]; keys [slots, heads, n, d]; -> [heads, rows, n]. */
export function mediaProbabilities(
  q: ArrayLike<number>,
  index: ArrayLike<number>,
  keys: ArrayLike<number>,
  { rows, heads, d, n, scale }: MediaSizes,
): Float64Array {
  const all = new Float64Array(heads * rows * n);
  for (let h = 0; h < heads; h++) {
    for (let r = 0; r < rows; r++) {
      if (index[r] < 0) continue;
      const scores = Array.from({ length: n }, (_, j) => {
        let dot = 0;
        for (let c = 0; c < d; c++) dot += q[(r * heads + h) * d + c] * keys[((index[r] * heads + h) * n + j) * d + c];
        return dot * scale;
      });
      all.set(softmax(scores), (h * rows + r) * n);
    }
  }
  return all;
}
