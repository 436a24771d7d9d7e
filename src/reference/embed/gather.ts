/**
 * f64 reference for embed/gather. table [vocabulary, cols], dequantised; positions [., cols] at row offset + position + r or, for a tree, offset + places[r]; or none.
 * Without a table the positions alone. given [rows, cols] holds the rows whose id is -1.
 */
export function gather(
  ids: ArrayLike<number>,
  table: ArrayLike<number> | undefined,
  cols: number,
  learned: { positions: ArrayLike<number>; position: number; offset: number; places?: readonly number[] } | undefined,
  given: ArrayLike<number>,
): Float64Array {
  return Float64Array.from({ length: ids.length * cols }, (_, i) => {
    const [r, c] = [Math.floor(i / cols), i % cols];
    const embedded = ids[r] === -1 ? given[i] : (table?.[ids[r] * cols + c] ?? 0);
    if (!learned) return embedded;
    const row = (learned.places?.[r] ?? learned.position + r) + learned.offset;
    return embedded + learned.positions[row * cols + c];
  });
}
