// y[t, r] = epilogue(sum_k norm(x[first + t])[k] * W[r, k])
//
// x [first + rows, cols]; W [outputs, cols] in STORAGE (lib/weights), [2 * outputs, cols] with PAIR; norm, bias, gate, y as in lib/row-norm and
// lib/epilogue; y [rows, outputs]. Sums in f32.
// A team of LANES lanes computes one output, one column per lane and turn: plain, for any number of columns; linear/matvec-blocks is the fast
// one for whole blocks of 32. The norm is computed again by every workgroup: that costs less than a dispatch of its own.

alias Elem = f32;

override WG: u32 = 64;
override LANES: u32 = 32;

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
// @import lib/row-norm.wgsl
// @import lib/team-sum.wgsl
// @import lib/epilogue.wgsl

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let t = group.z;
  let outputs = params.outputs;
  let group_first = (group.y * 65535u + group.x) * (WG / LANES);
  if (t >= params.rows || group_first >= outputs) { return; }
  let r = group_first + lane / LANES;
  let row = min(r, outputs - 1u); // a team beyond the end computes the last row and does not store it
  let cols = params.cols;
  let start = (params.first + t) * cols;
  let stats = row_norm(lane, start, cols, params.eps);

  var sums = vec4f(); // x: the row, y: with PAIR its value row
  for (var c = lane % LANES; c < cols; c += LANES) {
    let v = normalised(stats, start, c, cols);
    sums.x += v * weight_at(row, c, cols);
    if (PAIR == 1u) { sums.y += v * weight_at(outputs + row, c, cols); }
  }
  sums = team_sum(lane, sums);
  if (lane % LANES == 0u && r < outputs) { finish(t, r, sums.x, sums.y); }
}
