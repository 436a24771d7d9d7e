// The k largest of logits[row, :] outside suppress, descending, equal ones by id
//
// logits [., vocab]; top_values, top_ids [k], k <= 256; 0xffffffff and the lowest f32 where fewer may be chosen. One workgroup: each turn takes the
// largest of what lies behind the one taken before, so nothing is marked.

alias Elem = f32;

override WG: u32 = 256;

struct Params { row: u32, vocab: u32, suppressed: u32, k: u32 }

@group(0) @binding(0) var<storage, read> logits: array<Elem>;
@group(0) @binding(1) var<storage, read> suppress: array<u32>;
@group(0) @binding(2) var<storage, read_write> top_values: array<f32>;
@group(0) @binding(3) var<storage, read_write> top_ids: array<u32>;
@group(0) @binding(4) var<uniform> params: Params;

const LOWEST = -3.4028234e38;

// @import lib/likeliest.wgsl

// Whether (value, id) comes after (other, other_id) in the order.
fn after(value: f32, id: u32, other: f32, other_id: u32) -> bool {
  return value < other || (value == other && id > other_id);
}

@compute @workgroup_size(WG)
fn main(@builtin(local_invocation_index) lane: u32) {
  var taken = 3.4028234e38;
  var taken_id = NO_TOKEN; // with the largest f32: nothing was taken yet
  for (var turn = 0u; turn < params.k; turn++) {
    var value = LOWEST;
    var id = NO_TOKEN;
    for (var i = lane; i < params.vocab; i += WG) {
      let candidate = f32(logits[params.row * params.vocab + i]);
      let behind = turn == 0u || after(candidate, i, taken, taken_id);
      if (candidate == candidate && behind && (id == NO_TOKEN || candidate > value) && !is_suppressed(i)) {
        value = candidate;
        id = i;
      }
    }
    find_likeliest(lane, value, id);
    taken = best_value[0];
    taken_id = best_id[0];
    workgroupBarrier(); // the next turn overwrites the winners
    if (lane == 0u) {
      top_values[turn] = taken;
      top_ids[turn] = taken_id;
    }
  }
}
