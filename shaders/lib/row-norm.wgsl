// Normalisation of one row of x while it is read. NORM 0: none. 1: layer. 2: root mean square. norm holds weight [cols],
// then (NORM_BIAS) bias [cols]. All WG lanes of the workgroup take part in the two sums; norm/layer-norm says why there are two.

// @import lib/workgroup-sum.wgsl

override NORM: u32 = 0;
override NORM_BIAS: u32 = 0;

struct RowNorm { first: f32, mean: f32, scale: f32 }

fn row_norm(lane: u32, start: u32, cols: u32, eps: f32) -> RowNorm {
  var row = RowNorm(0.0, 0.0, 1.0);
  if (NORM == 0u) { return row; }
  if (NORM == 1u) {
    row.first = f32(x[start]);
    var sum = 0.0;
    for (var c = lane; c < cols; c += WG) { sum += f32(x[start + c]) - row.first; }
    row.mean = workgroup_sum(lane, sum) / f32(cols);
  }
  var squares = 0.0;
  for (var c = lane; c < cols; c += WG) {
    let d = f32(x[start + c]) - row.first - row.mean;
    squares += d * d;
  }
  row.scale = inverseSqrt(workgroup_sum(lane, squares) / f32(cols) + eps);
  return row;
}

// Elements col .. col + 3 after normalisation; 0 stays 0 beyond the row.
fn normalise4(row: RowNorm, v: vec4f, col: u32, cols: u32) -> vec4f {
  if (NORM == 0u) { return v; }
  let at = min(vec4u(col) + vec4u(0, 1, 2, 3), vec4u(cols - 1u));
  var result = (v - row.first - row.mean) * row.scale * vec4f(norm[at.x], norm[at.y], norm[at.z], norm[at.w]);
  if (NORM_BIAS == 1u) {
    let b = at + cols;
    result += vec4f(norm[b.x], norm[b.y], norm[b.z], norm[b.w]);
  }
  return select(vec4f(), result, vec4u(col) + vec4u(0, 1, 2, 3) < vec4u(cols));
}
