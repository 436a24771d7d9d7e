// x[start + col .. start + col + 3] of a row of cols elements as f32; 0 beyond the row, so that nothing of the next one leaks in.

fn inputs4(start: u32, col: u32, cols: u32) -> vec4f {
  let c = vec4u(col) + vec4u(0, 1, 2, 3);
  let i = start + min(c, vec4u(cols - 1u));
  return select(vec4f(), vec4f(f32(x[i.x]), f32(x[i.y]), f32(x[i.z]), f32(x[i.w])), c < vec4u(cols));
}
