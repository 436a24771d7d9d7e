// The largest of WG (a power of two) lanes' logits with its id, the lowest id among equals; a lane without a candidate brings NO_TOKEN.
// The kernel declares `suppress` and params.suppressed.

const NO_TOKEN = 0xffffffffu;

var<workgroup> best_value: array<f32, WG>;
var<workgroup> best_id: array<u32, WG>;

fn is_suppressed(id: u32) -> bool {
  for (var i = 0u; i < params.suppressed; i++) { if (suppress[i] == id) { return true; } }
  return false;
}

// Leaves the winner in best_value[0] and best_id[0]; a second call needs a barrier after they are read.
fn find_likeliest(lane: u32, value: f32, id: u32) {
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
}
