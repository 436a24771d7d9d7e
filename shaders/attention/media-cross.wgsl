// y[r, h] = softmax_j(q[r, h] . k[s, h, j] * scale) v[s, h, j], over the n latents of slot s = media_index[r]; 0 where that is -1
//
// q [rows, heads * d]; keys, values [slots, heads, n, d]; y [rows, heads * d]; d <= 256. One workgroup per row and head.
// Source: Flamingo §2.3; open_flamingo/src/helpers.py MaskedCrossAttention with only_attend_immediate_media.

alias Elem = f32;

override WG: u32 = 64;

struct Params { rows: u32, heads: u32, d: u32, n: u32, scale: f32 }

@group(0) @binding(0) var<storage, read> q: array<Elem>;
@group(0) @binding(1) var<storage, read> media_index: array<i32>;
@group(0) @binding(2) var<storage, read> keys: array<Elem>;
@group(0) @binding(3) var<storage, read> values: array<Elem>;
@group(0) @binding(4) var<storage, read_write> y: array<Elem>;
@group(0) @binding(5) var<uniform> params: Params;

// @import lib/media-scores.wgsl

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.x;
  let head = group.y;
  let d = params.d;
  let query = (row * params.heads + head) * d;
  let slot = media_index[row];
  if (slot < 0) {
    for (var c = lane; c < d; c += WG) { y[query + c] = Elem(0); }
    return;
  }
  let media = (u32(slot) * params.heads + head) * params.n * d;
  var sums: array<f32, 256>;
  var largest = -3.0e38;
  var total = 0.0;
  for (var first = 0u; first < params.n; first += WG) {
    let count = min(WG, params.n - first);
    tile_scores(lane, query, media + first * d, count);
    var tile = largest;
    for (var i = 0u; i < count; i++) { tile = max(tile, scores[i]); }
    let keep = exp(largest - tile);
    largest = tile;
    total *= keep;
    for (var n = 0u; n * WG + lane < d; n++) { sums[n] *= keep; }
    for (var i = 0u; i < count; i++) {
      let p = exp(scores[i] - tile);
      total += p;
      for (var n = 0u; n * WG + lane < d; n++) { sums[n] += p * f32(values[media + (first + i) * d + n * WG + lane]); }
    }
    workgroupBarrier(); // the next tile overwrites the scores
  }
  for (var n = 0u; n * WG + lane < d; n++) { y[query + n * WG + lane] = Elem(sums[n] / total); }
}
