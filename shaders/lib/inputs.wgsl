// x[start + col .. start + col + 7] of a row of cols elements as f32; 0 beyond the row, so that nothing of the next one leaks in.

fn inputs8(start: u32, col: u32, cols: u32) -> Eight {
  let i = start + col;
  if (col + 8u <= cols) {
    return Eight(
      vec4f(f32(x[i]), f32(x[i + 1u]), f32(x[i + 2u]), f32(x[i + 3u])),
      vec4f(f32(x[i + 4u]), f32(x[i + 5u]), f32(x[i + 6u]), f32(x[i + 7u])),
    );
  }
  var all = Eight();
  for (var k = 0u; k < cols - col; k++) {
    if (k < 4u) { all.lo[k] = f32(x[i + k]); } else { all.hi[k - 4u] = f32(x[i + k]); }
  }
  return all;
}
