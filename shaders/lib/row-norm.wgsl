// Normalisation of one row of x while it is read; the kernel declares x (array<Elem>), norm, and params. NORM 0: none. 1: layer.
// 2: root mean square. norm holds weight [cols], then (NORM_BIAS) bias [cols]. All WG lanes of the workgroup take part in the sums;
// norm/layer-norm says why there are two passes. lib/row-norm-quads is the same for x read four at a time.

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

fn normalised(row: RowNorm, start: u32, c: u32, cols: u32) -> f32 {
  var v = f32(x[start + c]);
  if (NORM == 0u) { return v; }
  v = (v - row.first - row.mean) * row.scale * norm[c];
  if (NORM_BIAS == 1u) { v += norm[cols + c]; }
  return v;
}
