// y[r, h] = softmax_j(q[r, h] . k[j] * scale) v[j], over the first `seen` latents of every medium of the row's range; 0 for an empty range
//
// q [rows, heads * d]; ranges [rows, 2]: first and end in the table; media [entries, 2]: slot, and how many of its n latents are seen;
// keys, values [slots, kv_heads, n, d], query head h reads kv head h / (heads / kv_heads); y [rows, heads * d]; d <= 256.
// One workgroup per row and head, which takes in medium after medium.
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

// @import lib/media-attend.wgsl

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.x;
  let query = (row * params.heads + group.y) * params.d;
  let kv_head = group.y / (params.heads / params.kv_heads);
  for (var entry = ranges[row * 2u]; entry < ranges[row * 2u + 1u]; entry++) {
    let medium = (media[entry * 2u] * params.kv_heads + kv_head) * params.n * params.d;
    attend(lane, query, medium, media[entry * 2u + 1u]);
  }
  write_attended(lane, query);
}
