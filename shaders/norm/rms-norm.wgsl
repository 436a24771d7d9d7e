// y[r, c] = x[r, c] / sqrt(mean_c(x[r, c]^2) + eps) * weight[c]
//
// x, y [rows, cols] row-major; weight [cols]; the mean over one row, in f32. One workgroup normalises one row.
// Source: Zhang and Sennrich 2019, eq. 4; transformers LlamaRMSNorm.

alias Elem = f32;

override WG: u32 = 64;

struct Params { rows: u32, cols: u32, eps: f32 }

@group(0) @binding(0) var<storage, read> x: array<Elem>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<Elem>;
@group(0) @binding(3) var<uniform> params: Params;

// @import lib/workgroup-sum.wgsl

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.x;
  if (row >= params.rows) { return; }
  let start = row * params.cols;

  var squares = 0.0;
  for (var c = lane; c < params.cols; c += WG) {
    let value = f32(x[start + c]);
    squares += value * value;
  }
  let scale = inverseSqrt(workgroup_sum(lane, squares) / f32(params.cols) + params.eps);

  for (var c = lane; c < params.cols; c += WG) { y[start + c] = Elem(f32(x[start + c]) * scale * weight[c]); }
}
