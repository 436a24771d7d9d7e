/** f64 reference for embed/gather. table [vocabulary, cols], dequantised; positions [., cols] at row offset + position + r or, for a tree, offset + places[r]; or none. */
export function gather(
  ids: ArrayLike<number>,
  table: ArrayLike<number>,
  cols: number,
  learned?: { positions: ArrayLike<number>; position: number; offset: number; places?: readonly number[] },
): Float64Array {
  return Float64Array.from({ length: ids.length * cols }, (_, i) => {
    const [r, c] = [Math.floor(i / cols), i % cols];
    if (!learned) return table[ids[r] * cols + c];
    const row = (learned.places?.[r] ?? learned.position + r) + learned.offset;
    return table[ids[r] * cols + c] + learned.positions[row * cols + c];
  });
}
