import { type MediaSizes, mediaProbabilities } from './media-probabilities';

/** f64 reference for attention/media-cross: q [rows, heads * d]; index [rows]; keys, values [slots, heads, n, d]; -> [rows, heads * d]. */
export function mediaCross(
  q: ArrayLike<number>,
  index: ArrayLike<number>,
  keys: ArrayLike<number>,
  values: ArrayLike<number>,
  sizes: MediaSizes,
): Float64Array {
  const { rows, heads, d, n } = sizes;
  const probabilities = mediaProbabilities(q, index, keys, sizes);
  const y = new Float64Array(rows * heads * d);
  for (let r = 0; r < rows; r++) {
    if (index[r] < 0) continue;
    for (let h = 0; h < heads; h++) {
      for (let j = 0; j < n; j++) {
        const p = probabilities[(h * rows + r) * n + j];
        for (let c = 0; c < d; c++) y[(r * heads + h) * d + c] += p * values[((index[r] * heads + h) * n + j) * d + c];
      }
    }
  }
  return y;
}
