// y[r] = (logits[r, t] - s, s), t = targets[r], s = log sum_i exp(logits[r, i]): the log-probability of t, and what normalises every other logit
//
// logits [rows, vocab]; targets [rows]; y [rows, 2]. One workgroup per row; each lane keeps a running maximum and sum, as in Milakov and Gimelshein 2018.

alias Elem = f32;

override WG: u32 = 256;

struct Params { rows: u32, vocab: u32 }

@group(0) @binding(0) var<storage, read> logits: array<Elem>;
@group(0) @binding(1) var<storage, read> targets: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

const LOWEST = -3.0e38;

var<workgroup> largest: array<f32, WG>;
var<workgroup> total: array<f32, WG>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let start = group.x * params.vocab;
  var m = LOWEST;
  var sum = 0.0;
  for (var i = lane; i < params.vocab; i += WG) {
    let value = f32(logits[start + i]);
    let next = max(m, value);
    sum = sum * exp(m - next) + exp(value - next);
    m = next;
  }
  largest[lane] = m;
  total[lane] = sum;
  workgroupBarrier();
  for (var half = WG / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      let next = max(largest[lane], largest[lane + half]);
      total[lane] = total[lane] * exp(largest[lane] - next) + total[lane + half] * exp(largest[lane + half] - next);
      largest[lane] = next;
    }
    workgroupBarrier();
  }
  if (lane != 0u) { return; }
  let s = largest[0] + log(total[0]);
  y[group.x * 2u] = f32(logits[start + min(targets[group.x], params.vocab - 1u)]) - s;
  y[group.x * 2u + 1u] = s;
}
