import { softmax } from './softmax';

export interface RangeSizes {
  rows: number;
  heads: number;
  kvHeads: number;
  d: number;
  n: number;
  /** Media of the table; entry e is medium e % count. */
  count: number;
  scale: number;
}

/** f64 reference for attention/media-range-probabilities. ranges [rows, 2]; media [entries, 2]; keys [slots, kvHeads, n, d]; -> [heads, rows, count, n]. */
export function mediaRangeProbabilities(
  q: ArrayLike<number>,
  ranges: ArrayLike<number>,
  media: ArrayLike<number>,
  keys: ArrayLike<number>,
  { rows, heads, kvHeads, d, n, count, scale }: RangeSizes,
): Float64Array {
  const all = new Float64Array(heads * rows * count * n);
  for (let h = 0; h < heads; h++) {
    for (let r = 0; r < rows; r++) {
      const seen = seenLatents(media, ranges[2 * r], ranges[2 * r + 1]);
      if (seen.length === 0) continue;
      const scores = seen.map(({ slot, j }) => {
        const key = ((slot * kvHeads + Math.floor((h * kvHeads) / heads)) * n + j) * d;
        let dot = 0;
        for (let c = 0; c < d; c++) dot += q[(r * heads + h) * d + c] * keys[key + c];
        return dot * scale;
      });
      softmax(scores).forEach((p, i) => {
        all[((h * rows + r) * count + (seen[i].entry % count)) * n + seen[i].j] = p;
      });
    }
  }
  return all;
}

/** The latents that the entries first .. end of the table show. */
export function seenLatents(media: ArrayLike<number>, first: number, end: number) {
  const entries = Array.from({ length: end - first }, (_, i) => first + i);
  return entries.flatMap((entry) =>
    Array.from({ length: media[2 * entry + 1] }, (_, j) => ({ entry, slot: media[2 * entry], j })),
  );
}
