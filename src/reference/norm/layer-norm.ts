/** f64 reference for norm/layer-norm. x [rows, cols]; weight [cols]; bias [cols] or undefined. */
export function layerNorm(
  x: ArrayLike<number>,
  weight: ArrayLike<number>,
  bias: ArrayLike<number> | undefined,
  cols: number,
  eps: number,
): Float64Array {
  const y = new Float64Array(x.length);
  for (let start = 0; start < x.length; start += cols) {
    const row = Array.from({ length: cols }, (_, c) => x[start + c]);
    const mean = row.reduce((a, b) => a + b, 0) / cols;
    const variance = row.reduce((a, b) => a + (b - mean) ** 2, 0) / cols;
    row.forEach((value, c) => {
      y[start + c] = ((value - mean) / Math.sqrt(variance + eps)) * weight[c] + (bias?.[c] ?? 0);
    });
  }
  return y;
}
