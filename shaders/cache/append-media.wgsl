// keys[slot, h, j, c] = kv[j, h * d + c]; values[slot, h, j, c] = kv[j, (heads + h) * d + c]
//
// kv [n, 2 * heads * d]; keys, values [slots, heads, n, d]. One lane per element of a row's keys.

alias Elem = f32;

override WG: u32 = 64;

struct Params { n: u32, heads: u32, d: u32, slot: u32 }

@group(0) @binding(0) var<storage, read> kv: array<Elem>;
@group(0) @binding(1) var<storage, read_write> keys: array<Elem>;
@group(0) @binding(2) var<storage, read_write> values: array<Elem>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let width = params.heads * params.d;
  let i = group.x * WG + lane;
  let j = group.y;
  if (i >= width || j >= params.n) { return; }
  let to = ((params.slot * params.heads + i / params.d) * params.n + j) * params.d + i % params.d;
  keys[to] = kv[j * 2u * width + i];
  values[to] = kv[j * 2u * width + width + i];
}
