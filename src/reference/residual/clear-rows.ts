/** f64 reference for residual/clear-rows: x [rows, cols] with zeros in the rows that are not open. */
export function clearRows(x: ArrayLike<number>, open: ArrayLike<number>, cols: number): Float64Array {
  return Float64Array.from(x, (value, i) => (open[Math.floor(i / cols)] ? value : 0));
}
