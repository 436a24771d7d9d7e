// probabilities[h, r, j] = softmax_j(q[r, h] . k[s, h, j] * scale), s = media_index[r]; 0 where that is -1
//
// What attention/media-cross weighs its values with. q [rows, heads * d]; keys [slots, heads, n, d]; probabilities [heads, rows, n].

alias Elem = f32;

override WG: u32 = 64;

struct Params { rows: u32, heads: u32, d: u32, n: u32, scale: f32 }

@group(0) @binding(0) var<storage, read> q: array<Elem>;
@group(0) @binding(1) var<storage, read> media_index: array<i32>;
@group(0) @binding(2) var<storage, read> keys: array<Elem>;
@group(0) @binding(3) var<storage, read_write> probabilities: array<Elem>;
@group(0) @binding(4) var<uniform> params: Params;

// @import lib/media-scores.wgsl

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.x;
  let head = group.y;
  let query = (row * params.heads + head) * params.d;
  let to = (head * params.rows + row) * params.n;
  let slot = media_index[row];
  if (slot < 0) {
    for (var j = lane; j < params.n; j += WG) { probabilities[to + j] = Elem(0); }
    return;
  }
  let media = (u32(slot) * params.heads + head) * params.n * params.d;
  var largest = -3.0e38;
  var total = 0.0;
  for (var first = 0u; first < params.n; first += WG) {
    let count = min(WG, params.n - first);
    tile_scores(lane, query, media + first * params.d, count);
    for (var i = 0u; i < count; i++) {
      let tile = max(largest, scores[i]);
      total = total * exp(largest - tile) + exp(scores[i] - tile);
      largest = tile;
    }
    workgroupBarrier();
  }
  for (var first = 0u; first < params.n; first += WG) {
    let count = min(WG, params.n - first);
    tile_scores(lane, query, media + first * params.d, count);
    if (lane < count) { probabilities[to + first + lane] = Elem(exp(scores[lane] - largest) / total); }
    workgroupBarrier();
  }
}
