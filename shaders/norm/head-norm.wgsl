// x[r, h, c] = (x[r, h, c] - mean) / sqrt(var + eps) * weight[c] + bias[c], in place; mean and variance over the d values of one head
//
// x [rows, stride]: the first heads * d values of each row are its heads; what stands behind them stays. norm holds weight [d], then (HAS_BIAS) bias [d].
// NORM 1: layer norm. NORM 2: root mean square (mean 0). One workgroup per row and head; a lane of the group overwrites only what it alone reads afterwards.
// Source: transformers IdeficsPerceiverAttention.q_layer_norm, IdeficsAttention.q_layer_norm, MllamaTextCrossAttention.q_norm.

alias Elem = f32;

override WG: u32 = 32;
override NORM: u32 = 1;
override HAS_BIAS: u32 = 0;

struct Params { rows: u32, heads: u32, d: u32, stride: u32, eps: f32 }

@group(0) @binding(0) var<storage, read> norm: array<f32>;
@group(0) @binding(1) var<storage, read_write> x: array<Elem>;
@group(0) @binding(2) var<uniform> params: Params;

// @import lib/workgroup-sum.wgsl

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.x;
  let head = group.y;
  if (row >= params.rows) { return; }
  let d = params.d;
  let start = row * params.stride + head * d;

  // Relative to the first value, as in norm/layer-norm: sums of values with a large mean lose their digits.
  var first = 0.0;
  var mean = 0.0;
  if (NORM == 1u) {
    first = f32(x[start]);
    var sum = 0.0;
    for (var c = lane; c < d; c += WG) { sum += f32(x[start + c]) - first; }
    mean = workgroup_sum(lane, sum) / f32(d);
  }
  var squares = 0.0;
  for (var c = lane; c < d; c += WG) {
    let difference = f32(x[start + c]) - first - mean;
    squares += difference * difference;
  }
  let scale = inverseSqrt(workgroup_sum(lane, squares) / f32(d) + params.eps);

  for (var c = lane; c < d; c += WG) {
    var value = (f32(x[start + c]) - first - mean) * scale * norm[c];
    if (HAS_BIAS == 1u) { value += norm[d + c]; }
    x[start + c] = Elem(value);
  }
}
