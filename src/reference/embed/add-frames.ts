/** f64 reference for embed/add-frames. x [frames, patches, cols]; table [at least frames, cols]; returns the new x. */
export function addFrames(x: ArrayLike<number>, table: ArrayLike<number>, patches: number, cols: number): Float64Array {
  return Float64Array.from(x, (value, i) => value + table[Math.floor(i / (patches * cols)) * cols + (i % cols)]);
}
