import { roundToBfloat } from '../../core/half';
import { softmax } from './softmax';

export interface CausalSizes {
  rows: number;
  position: number;
  capacity: number;
  heads: number;
  kvHeads: number;
  d: number;
  scale: number;
  /** The bias is bf16(slope * bf16(j)), scaled with the scores. */
  rounded?: boolean;
  /** Slots that row r attends to, in order of position; default 0 .. position + r. */
  paths?: readonly (readonly number[])[];
}

/** f64 reference for attention/causal. q [rows, heads, d]; caches [kvHeads, capacity, d]; slopes [heads] or undefined; -> [rows, heads * d]. */
export function causalAttention(
  q: ArrayLike<number>,
  keys: ArrayLike<number>,
  values: ArrayLike<number>,
  slopes: ArrayLike<number> | undefined,
  { rows, position, capacity, heads, kvHeads, d, scale, rounded, paths }: CausalSizes,
): Float64Array {
  const y = new Float64Array(rows * heads * d);
  for (let r = 0; r < rows; r++) {
    for (let h = 0; h < heads; h++) {
      const query = (r * heads + h) * d;
      const cache = Math.floor(h / (heads / kvHeads)) * capacity * d;
      const path = paths?.[r] ?? Array.from({ length: position + r + 1 }, (_, j) => j);
      const scores = path.map((slot, j) => {
        let dot = 0;
        for (let c = 0; c < d; c++) dot += q[query + c] * keys[cache + slot * d + c];
        const slope = slopes?.[h] ?? 0;
        if (rounded) return (dot + roundToBfloat(slope * roundToBfloat(j))) * scale;
        return dot * scale + slope * (j - (path.length - 1));
      });
      softmax(scores).forEach((p, j) => {
        for (let c = 0; c < d; c++) y[query + c] += p * values[cache + path[j] * d + c];
      });
    }
  }
  return y;
}
