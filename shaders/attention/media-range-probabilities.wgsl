// probabilities[h, r, m, j] = softmax over all seen latents (m, j) of the row's range of q[r, h] . k[m, j] * scale; 0 elsewhere
//
// What attention/media-range weighs its values with; inputs as there. The table has `count` media, and possibly the same ones again behind them, seen in
// another part: entry e is column e % count. probabilities [heads, rows, count, n].

alias Elem = f32;

override WG: u32 = 64;

struct Params { rows: u32, heads: u32, kv_heads: u32, d: u32, n: u32, count: u32, scale: f32 }

@group(0) @binding(0) var<storage, read> q: array<Elem>;
@group(0) @binding(1) var<storage, read> ranges: array<u32>;
@group(0) @binding(2) var<storage, read> media: array<u32>;
@group(0) @binding(3) var<storage, read> keys: array<Elem>;
@group(0) @binding(4) var<storage, read_write> probabilities: array<Elem>;
@group(0) @binding(5) var<uniform> params: Params;

// @import lib/media-scores.wgsl

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.x;
  let head = group.y;
  let query = (row * params.heads + head) * params.d;
  let kv_head = head / (params.heads / params.kv_heads);
  let width = params.count * params.n;
  let to = (head * params.rows + row) * width;
  let start = ranges[row * 2u];
  let end = ranges[row * 2u + 1u];
  var largest = -3.0e38;
  var total = 0.0;
  for (var entry = start; entry < end; entry++) {
    let medium = (media[entry * 2u] * params.kv_heads + kv_head) * params.n * params.d;
    let seen = media[entry * 2u + 1u];
    for (var first = 0u; first < seen; first += WG) {
      let count = min(WG, seen - first);
      tile_scores(lane, query, medium + first * params.d, count);
      for (var i = 0u; i < count; i++) {
        let tile = max(largest, scores[i]);
        total = total * exp(largest - tile) + exp(scores[i] - tile);
        largest = tile;
      }
      workgroupBarrier();
    }
  }
  for (var j = lane; j < width; j += WG) { probabilities[to + j] = Elem(0); }
  storageBarrier();
  for (var entry = start; entry < end; entry++) {
    let medium = (media[entry * 2u] * params.kv_heads + kv_head) * params.n * params.d;
    let seen = media[entry * 2u + 1u];
    let column = to + (entry % params.count) * params.n;
    for (var first = 0u; first < seen; first += WG) {
      let count = min(WG, seen - first);
      tile_scores(lane, query, medium + first * params.d, count);
      if (lane < count) { probabilities[column + first + lane] = Elem(exp(scores[lane] - largest) / total); }
      workgroupBarrier();
    }
  }
}
