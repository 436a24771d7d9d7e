// y[r, h] = softmax_j(q[r, h] . k[j] * scale) v[j], over the first `seen` latents of every medium of the row's range; 0 for an empty range
//
// q [rows, heads * d]; ranges [rows, 2]: first and end in the table; media [entries, 2]: slot, and how many of its n latents are seen;
// keys, values [slots, kv_heads, n, d], query head h reads kv head h / (heads / kv_heads); y [rows, heads * d]; d <= 256.
// One workgroup per row and head; running maximum and sum as in attention/media-cross, medium after medium.
// Source: transformers models/mllama/modeling_mllama.py MllamaTextCrossAttention; open_flamingo MaskedCrossAttention without only_attend_immediate_media.

alias Elem = f32;

override WG: u32 = 64;

struct Params { rows: u32, heads: u32, kv_heads: u32, d: u32, n: u32, scale: f32 }

@group(0) @binding(0) var<storage, read> q: array<Elem>;
@group(0) @binding(1) var<storage, read> ranges: array<u32>;
@group(0) @binding(2) var<storage, read> media: array<u32>;
@group(0) @binding(3) var<storage, read> keys: array<Elem>;
@group(0) @binding(4) var<storage, read> values: array<Elem>;
@group(0) @binding(5) var<storage, read_write> y: array<Elem>;
@group(0) @binding(6) var<uniform> params: Params;

// @import lib/media-scores.wgsl

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.x;
  let d = params.d;
  let query = (row * params.heads + group.y) * d;
  let kv_head = group.y / (params.heads / params.kv_heads);
  var sums: array<f32, 256>;
  var largest = -3.0e38;
  var total = 0.0;
  for (var entry = ranges[row * 2u]; entry < ranges[row * 2u + 1u]; entry++) {
    let medium = (media[entry * 2u] * params.kv_heads + kv_head) * params.n * d;
    let seen = media[entry * 2u + 1u];
    for (var first = 0u; first < seen; first += WG) {
      let count = min(WG, seen - first);
      tile_scores(lane, query, medium + first * d, count);
      var tile = largest;
      for (var i = 0u; i < count; i++) { tile = max(tile, scores[i]); }
      let keep = exp(largest - tile);
      largest = tile;
      total *= keep;
      for (var n = 0u; n * WG + lane < d; n++) { sums[n] *= keep; }
      for (var i = 0u; i < count; i++) {
        let p = exp(scores[i] - tile);
        total += p;
        for (var n = 0u; n * WG + lane < d; n++) { sums[n] += p * f32(values[medium + (first + i) * d + n * WG + lane]); }
      }
      workgroupBarrier(); // the next tile overwrites the scores
    }
  }
  let scale = select(0.0, 1.0 / total, total > 0.0);
  for (var n = 0u; n * WG + lane < d; n++) { y[query + n * WG + lane] = Elem(sums[n] * scale); }
}
