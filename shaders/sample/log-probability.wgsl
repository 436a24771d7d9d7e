// y[r] = (logits[r, t] - s, s), t = targets[r], s = log sum_i exp(logits[r, i]): the log-probability of t, and what normalises every other logit
//
// logits [rows, vocab]; targets [rows]; y [rows, 2]. One workgroup per row.

alias Elem = f32;

override WG: u32 = 256;

struct Params { rows: u32, vocab: u32 }

@group(0) @binding(0) var<storage, read> logits: array<Elem>;
@group(0) @binding(1) var<storage, read> targets: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

// @import lib/exponential-sum.wgsl

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let start = group.x * params.vocab;
  var pair = vec2f(LOWEST, 0.0);
  for (var i = lane; i < params.vocab; i += WG) { pair = with_score(pair, f32(logits[start + i])); }
  let all = workgroup_pair(lane, pair);
  if (lane != 0u) { return; }
  let s = all.x + log(all.y);
  y[group.x * 2u] = f32(logits[start + min(targets[group.x], params.vocab - 1u)]) - s;
  y[group.x * 2u + 1u] = s;
}
