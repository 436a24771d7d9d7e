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

// @import lib/media-attend.wgsl

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let query = (group.x * params.heads + group.y) * params.d;
  let slot = media_index[group.x];
  if (slot >= 0) { attend(lane, query, (u32(slot) * params.heads + group.y) * params.n * params.d, params.n); }
  write_attended(lane, query);
}
