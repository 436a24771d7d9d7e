/** f64 reference for embed/gather. table [vocabulary, cols], dequantised; positions [., cols] from row `position + offset` on, or none. */
export function gather(
  ids: ArrayLike<number>,
  table: ArrayLike<number>,
  cols: number,
  learned?: { positions: ArrayLike<number>; position: number; offset: number },
): Float64Array {
  return Float64Array.from({ length: ids.length * cols }, (_, i) => {
    const [r, c] = [Math.floor(i / cols), i % cols];
    const position = learned ? learned.positions[(learned.position + r + learned.offset) * cols + c] : 0;
    return table[ids[r] * cols + c] + position;
  });
}
