// lib/row-norm for x and norm read four elements at a time (array<vec4<..>>); start, quads and q count such quads.

// @import lib/workgroup-sum.wgsl

override NORM: u32 = 0;
override NORM_BIAS: u32 = 0;

struct RowNorm { start: u32, quads: u32, first: f32, mean: f32, scale: f32 }

fn row_norm(lane: u32, start: u32, quads: u32, eps: f32) -> RowNorm {
  var row = RowNorm(start, quads, 0.0, 0.0, 1.0);
  if (NORM == 0u) { return row; }
  let cols = f32(quads * 4u);
  if (NORM == 1u) {
    row.first = f32(x[start].x);
    var sum = vec4f();
    for (var q = lane; q < quads; q += WG) { sum += vec4f(x[start + q]) - row.first; }
    row.mean = workgroup_sum(lane, dot(sum, vec4f(1.0))) / cols;
  }
  var squares = vec4f();
  for (var q = lane; q < quads; q += WG) {
    let d = vec4f(x[start + q]) - row.first - row.mean;
    squares += d * d;
  }
  row.scale = inverseSqrt(workgroup_sum(lane, dot(squares, vec4f(1.0))) / cols + eps);
  return row;
}

// Quad q of the row, normalised.
fn normalised(row: RowNorm, q: u32) -> vec4f {
  var v = vec4f(x[row.start + q]);
  if (NORM == 0u) { return v; }
  v = (v - row.first - row.mean) * row.scale * norm[q];
  if (NORM_BIAS == 1u) { v += norm[row.quads + q]; }
  return v;
}
