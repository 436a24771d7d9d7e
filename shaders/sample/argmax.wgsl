// token[0] = argmax_i logits[row, i] over the ids that are not suppressed; the lowest id among equals; NaN never wins
//
// logits [., vocab]; suppress: `suppressed` ids; token: 0xffffffff where no logit may be chosen. One workgroup.

alias Elem = f32;

override WG: u32 = 256;

struct Params { row: u32, vocab: u32, suppressed: u32 }

@group(0) @binding(0) var<storage, read> logits: array<Elem>;
@group(0) @binding(1) var<storage, read> suppress: array<u32>;
@group(0) @binding(2) var<storage, read_write> token: array<u32>;
@group(0) @binding(3) var<uniform> params: Params;

const NO_TOKEN = 0xffffffffu;

var<workgroup> best_value: array<f32, WG>;
var<workgroup> best_id: array<u32, WG>;

fn is_suppressed(id: u32) -> bool {
  for (var i = 0u; i < params.suppressed; i++) { if (suppress[i] == id) { return true; } }
  return false;
}

@compute @workgroup_size(WG)
fn main(@builtin(local_invocation_index) lane: u32) {
  var value = 0.0;
  var id = NO_TOKEN;
  for (var i = lane; i < params.vocab; i += WG) {
    let candidate = f32(logits[params.row * params.vocab + i]);
    if ((candidate > value || (id == NO_TOKEN && candidate == candidate)) && !is_suppressed(i)) {
      value = candidate;
      id = i;
    }
  }
  best_value[lane] = value;
  best_id[lane] = id;
  workgroupBarrier();
  for (var half = WG / 2u; half > 0u; half /= 2u) {
    if (lane < half && best_id[lane + half] != NO_TOKEN) {
      let other = best_value[lane + half];
      let wins = other > best_value[lane] || (other == best_value[lane] && best_id[lane + half] < best_id[lane]);
      if (best_id[lane] == NO_TOKEN || wins) {
        best_value[lane] = other;
        best_id[lane] = best_id[lane + half];
      }
    }
    workgroupBarrier();
  }
  if (lane == 0u) { token[0] = best_id[0]; }
}
