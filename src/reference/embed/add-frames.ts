/** numpy.interp(linspace(0, rows - 1, frames), arange(rows), column) for every column of the table [rows, cols], where there are more frames than rows; else its first rows. */
export function frameEmbeddings(table: ArrayLike<number>, frames: number, rows: number, cols: number): Float64Array {
  return Float64Array.from({ length: frames * cols }, (_, i) => {
    const f = Math.floor(i / cols);
    const position = frames > rows ? (f * (rows - 1)) / (frames - 1) : f;
    const row = Math.min(Math.floor(position), Math.max(0, rows - 2));
    const here = table[row * cols + (i % cols)];
    if (position === row) return here;
    return here + (position - row) * (table[(row + 1) * cols + (i % cols)] - here);
  });
}

/** f64 reference for embed/add-frames. x [frames, patches, cols]; table [rows, cols]; returns the new x. */
export function addFrames(
  x: ArrayLike<number>,
  table: ArrayLike<number>,
  patches: number,
  cols: number,
  rows: number,
): Float64Array {
  const embeddings = frameEmbeddings(table, x.length / (patches * cols), rows, cols);
  return Float64Array.from(x, (value, i) => value + embeddings[Math.floor(i / (patches * cols)) * cols + (i % cols)]);
}
