// y[t, r] = epilogue(sum_k norm(x[first + t])[k] * W[r, k])
//
// x [first + rows, cols]; W [outputs, cols] in STORAGE (lib/weights), [2 * outputs, cols] with PAIR; norm, bias, gate, y as in lib/row-norm and
// lib/epilogue; y [rows, outputs]. Sums in f32.
// A team of LANES lanes computes OUTPUTS (1, 2 or 4) neighbouring outputs of one row of x, eight columns per lane and turn. The norm is
// computed again by every workgroup: that costs less than a dispatch of its own.

alias Elem = f32;

override WG: u32 = 64;
override LANES: u32 = 64;
override OUTPUTS: u32 = 4;

struct Params { rows: u32, first: u32, outputs: u32, cols: u32, eps: f32 }

@group(0) @binding(0) var<storage, read> x: array<Elem>;
@group(0) @binding(1) var<storage, read> norm: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<u32>;
@group(0) @binding(3) var<storage, read> scale: array<u32>;
@group(0) @binding(4) var<storage, read> bias: array<f32>;
@group(0) @binding(5) var<storage, read> gate: array<f32>;
@group(0) @binding(6) var<storage, read_write> y: array<Elem>;
@group(0) @binding(7) var<uniform> params: Params;

// @import lib/weights.wgsl
// @import lib/inputs.wgsl
// @import lib/row-norm.wgsl
// @import lib/team-sum.wgsl
// @import lib/epilogue.wgsl

fn product(v: Eight, row: u32, col: u32) -> f32 {
  let w = weights8(row, col, params.cols);
  return dot(v.lo, w.lo) + dot(v.hi, w.hi);
}

// One turn's products of OUTPUTS rows from `row` on; rows beyond `last` repeat it and are never stored.
fn products(v: Eight, row: u32, last: u32, col: u32) -> vec4f {
  var p = vec4f(product(v, min(row, last), col), 0.0, 0.0, 0.0);
  if (OUTPUTS > 1u) { p.y = product(v, min(row + 1u, last), col); }
  if (OUTPUTS > 2u) {
    p.z = product(v, min(row + 2u, last), col);
    p.w = product(v, min(row + 3u, last), col);
  }
  return p;
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let t = group.z;
  let outputs = params.outputs;
  let group_first = (group.y * 65535u + group.x) * (WG / LANES * OUTPUTS);
  if (t >= params.rows || group_first >= outputs) { return; }
  let row = group_first + lane / LANES * OUTPUTS;
  let cols = params.cols;
  let start = (params.first + t) * cols;
  let stats = row_norm(lane, start, cols, params.eps);

  var sums = vec4f();
  var pair_sums = vec4f();
  for (var col = lane % LANES * 8u; col < cols; col += LANES * 8u) {
    let raw = inputs8(start, col, cols);
    let v = Eight(normalise4(stats, raw.lo, col, cols), normalise4(stats, raw.hi, col + 4u, cols));
    sums += products(v, row, outputs - 1u, col);
    if (PAIR == 1u) { pair_sums += products(v, outputs + row, 2u * outputs - 1u, col); }
  }
  sums = team_sum(lane, sums);
  if (PAIR == 1u) { pair_sums = team_sum(lane, pair_sums); }

  for (var o = lane % LANES; o < OUTPUTS; o += LANES) {
    if (row + o < outputs) { finish(t, row + o, sums[o], pair_sums[o]); }
  }
}
