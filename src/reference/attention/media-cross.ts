import { attend, vector } from './attend';
import { type MediaSizes, mediaProbabilities } from './media-probabilities';

/** f64 reference for attention/media-cross. Inputs as media-probabilities, with values [slots, heads, n, d]; y [rows, heads * d]. */
export function mediaCross(
  sizes: MediaSizes,
  q: ArrayLike<number>,
  mediaIndex: ArrayLike<number>,
  keys: ArrayLike<number>,
  values: ArrayLike<number>,
): Float64Array {
  const { rows, heads, d, n } = sizes;
  const y = new Float64Array(rows * heads * d);
  const probabilities = mediaProbabilities(sizes, q, mediaIndex, keys);
  for (let r = 0; r < rows; r++) {
    if (mediaIndex[r] < 0) continue;
    for (let h = 0; h < heads; h++) {
      const logs = vector(probabilities, (h * rows + r) * n, n).map(Math.log);
      const start = (mediaIndex[r] * heads + h) * n;
      y.set(
        attend(logs, (j) => vector(values, (start + j) * d, d), d),
        (r * heads + h) * d,
      );
    }
  }
  return y;
}
