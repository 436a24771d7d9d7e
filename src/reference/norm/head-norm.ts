/** f64 reference for norm/head-norm: x [rows, stride], the first heads * d values of each row normalised head by head. `bias` is undefined where there is none. */
export function headNorm(
  x: ArrayLike<number>,
  { rows, heads, d, stride, eps }: { rows: number; heads: number; d: number; stride: number; eps: number },
  kind: 'layer' | 'rms',
  weight: ArrayLike<number>,
  bias?: ArrayLike<number>,
): Float64Array {
  const y = Float64Array.from(x);
  for (let row = 0; row < rows; row++) {
    for (let head = 0; head < heads; head++) {
      const start = row * stride + head * d;
      const values = Array.from(y.subarray(start, start + d));
      const mean = kind === 'layer' ? values.reduce((a, b) => a + b, 0) / d : 0;
      const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / d;
      values.forEach((value, c) => {
        y[start + c] = ((value - mean) / Math.sqrt(variance + eps)) * weight[c] + (bias?.[c] ?? 0);
      });
    }
  }
  return y;
}
