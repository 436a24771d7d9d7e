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

// @import lib/likeliest.wgsl

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
  find_likeliest(lane, value, id);
  if (lane == 0u) { token[0] = best_id[0]; }
}
