/** f64 reference for norm/rms-norm. x [rows, cols]; weight [cols]. */
export function rmsNorm(x: ArrayLike<number>, weight: ArrayLike<number>, cols: number, eps: number): Float64Array {
  const y = new Float64Array(x.length);
  for (let start = 0; start < x.length; start += cols) {
    const row = Array.from({ length: cols }, (_, c) => x[start + c]);
    const meanSquare = row.reduce((a, b) => a + b * b, 0) / cols;
    row.forEach((value, c) => {
      y[start + c] = (value / Math.sqrt(meanSquare + eps)) * weight[c];
    });
  }
  return y;
}
