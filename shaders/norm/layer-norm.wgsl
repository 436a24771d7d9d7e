// y[r, c] = (x[r, c] - mean_r) / sqrt(var_r + eps) * weight[c] + bias[c]
//
// x, y [rows, cols] row-major; norm holds weight [cols], then bias [cols]; mean and variance over one row, in f32.
// HAS_BIAS = 0: norm has no bias part.
// One workgroup normalises one row. Values are taken relative to the row's first, and the variance in a second pass: sums over a row
// with a large mean lose their digits in f32 otherwise (rows with mean 1e3 are in the tests).
// Source: Ba et al. 2016, eq. 3; torch.nn.LayerNorm.

alias Elem = f32;

override WG: u32 = 64;
override HAS_BIAS: u32 = 1;

struct Params { rows: u32, cols: u32, eps: f32 }

@group(0) @binding(0) var<storage, read> x: array<Elem>;
@group(0) @binding(1) var<storage, read> norm: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<Elem>;
@group(0) @binding(3) var<uniform> params: Params;

// @import lib/workgroup-sum.wgsl

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.x;
  if (row >= params.rows) { return; }
  let start = row * params.cols;

  let first = f32(x[start]);

  var sum = 0.0;
  for (var c = lane; c < params.cols; c += WG) { sum += f32(x[start + c]) - first; }
  let mean = workgroup_sum(lane, sum) / f32(params.cols);

  var squares = 0.0;
  for (var c = lane; c < params.cols; c += WG) {
    let d = f32(x[start + c]) - first - mean;
    squares += d * d;
  }
  let scale = inverseSqrt(workgroup_sum(lane, squares) / f32(params.cols) + params.eps);

  for (var c = lane; c < params.cols; c += WG) {
    var value = (f32(x[start + c]) - first - mean) * scale * norm[c];
    if (HAS_BIAS == 1u) { value += norm[params.cols + c]; }
    y[start + c] = Elem(value);
  }
}
