import { mediaRangeProbabilities, type RangeSizes, seenLatents } from './media-range-probabilities';

/** f64 reference for attention/media-range: inputs as in media-range-probabilities, and values [slots, kvHeads, n, d]; -> [rows, heads * d]. */
export function mediaRange(
  q: ArrayLike<number>,
  ranges: ArrayLike<number>,
  media: ArrayLike<number>,
  keys: ArrayLike<number>,
  values: ArrayLike<number>,
  sizes: RangeSizes,
): Float64Array {
  const { rows, heads, kvHeads, d, n, count } = sizes;
  const probabilities = mediaRangeProbabilities(q, ranges, media, keys, sizes);
  const y = new Float64Array(rows * heads * d);
  for (let r = 0; r < rows; r++) {
    for (let h = 0; h < heads; h++) {
      for (const { entry, slot, j } of seenLatents(media, ranges[2 * r], ranges[2 * r + 1])) {
        const p = probabilities[((h * rows + r) * count + (entry % count)) * n + j];
        const value = ((slot * kvHeads + Math.floor((h * kvHeads) / heads)) * n + j) * d;
        for (let c = 0; c < d; c++) y[(r * heads + h) * d + c] += p * values[value + c];
      }
    }
  }
  return y;
}
