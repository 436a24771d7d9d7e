// qkv -> q, and k and v into the cache: clip, norm of q and k, rotary embedding; one workgroup per row and head.
//
// qkv [rows, (heads + 2 * kv_heads) * d]: all query heads, then key heads, then value heads. q [rows, heads, d]; caches [kv_heads, capacity, d].
// Row r goes to cache slot position + r, whatever its own position is (lib/places). norms: q weight, q bias, k weight, k bias (biases with QK_BIAS); rotary [positions, dims / 2, 2] cos and sin.
// Source: transformers apply_rotary_pos_emb; llm-foundry attn_qk_ln (norm over the width) and clip_qkv (before the norm).

alias Elem = f32;

override WG: u32 = 32;
override PAIRING: u32 = 0;
override QK_NORM: u32 = 0;
override NORM_KIND: u32 = 1;
override QK_BIAS: u32 = 0;
override CLIP: u32 = 0;

struct Params {
  rows: u32, position: u32, capacity: u32, heads: u32, kv_heads: u32, d: u32, dims: u32, eps: f32, clip: f32,
}

@group(0) @binding(0) var<storage, read> qkv: array<Elem>;
@group(0) @binding(1) var<storage, read> norms: array<f32>;
@group(0) @binding(2) var<storage, read> rotary: array<f32>;
@group(0) @binding(3) var<storage, read> places: array<u32>;
@group(0) @binding(4) var<storage, read_write> q: array<Elem>;
@group(0) @binding(5) var<storage, read_write> key_cache: array<Elem>;
@group(0) @binding(6) var<storage, read_write> value_cache: array<Elem>;
@group(0) @binding(7) var<uniform> params: Params;

// @import lib/workgroup-sum.wgsl
// @import lib/places.wgsl

// Which part of qkv this workgroup has, and how it is normalised.
struct Part { start: u32, width: u32, weight: u32, bias: u32, mean: f32, scale: f32 }

fn clipped(i: u32) -> f32 {
  let value = f32(qkv[i]);
  if (CLIP == 1u) { return clamp(value, -params.clip, params.clip); }
  return value;
}

// Mean and scale over `part.width` values from `part.start` on, in two passes as in norm/layer-norm.
fn statistics(lane: u32, start: u32, width: u32) -> vec2f {
  var mean = 0.0;
  if (NORM_KIND == 1u) {
    let first = clipped(start);
    var sum = 0.0;
    for (var c = lane; c < width; c += WG) { sum += clipped(start + c) - first; }
    mean = first + workgroup_sum(lane, sum) / f32(width);
  }
  var squares = 0.0;
  for (var c = lane; c < width; c += WG) {
    let d = clipped(start + c) - mean;
    squares += d * d;
  }
  return vec2f(mean, inverseSqrt(workgroup_sum(lane, squares) / f32(width) + params.eps));
}

// Element c of a head that begins at `start`, after clip and norm; `at` is the head's place in the norm's weight.
fn normalised(part: Part, start: u32, at: u32, c: u32) -> f32 {
  let value = clipped(start + c);
  if (QK_NORM == 0u || part.width == 0u) { return value; }
  var out = (value - part.mean) * part.scale * norms[part.weight + at + c];
  if (QK_BIAS == 1u) { out += norms[part.bias + at + c]; }
  return out;
}

// Element c after the rotary embedding.
fn turned(part: Part, start: u32, at: u32, c: u32, position: u32) -> f32 {
  let value = normalised(part, start, at, c);
  if (PAIRING == 0u || c >= params.dims) { return value; }
  let pairs = params.dims / 2u;
  let first = select(c % 2u == 0u, c < pairs, PAIRING == 1u);
  let pair = select(c / 2u, c % pairs, PAIRING == 1u);
  let distance = select(1u, pairs, PAIRING == 1u);
  let other = normalised(part, start, at, select(c - distance, c + distance, first));
  let table = (position * pairs + pair) * 2u;
  return value * rotary[table] + select(other, -other, first) * rotary[table + 1u];
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.x;
  let head = group.y;
  if (row >= params.rows) { return; }
  let heads = params.heads;
  let kv = params.kv_heads;
  let d = params.d;
  let row_start = row * (heads + 2u * kv) * d;
  let start = row_start + head * d;
  let slot = params.position + row;

  if (head >= heads + kv) {
    let to = ((head - heads - kv) * params.capacity + slot) * d;
    for (var c = lane; c < d; c += WG) { value_cache[to + c] = Elem(clipped(start + c)); }
    return;
  }

  let is_key = head >= heads;
  var part = Part();
  var at = 0u; // of this head within the norm's weight
  if (QK_NORM != 0u) {
    let over_width = QK_NORM == 1u;
    let q_width = select(d, heads * d, over_width);
    let k_width = select(d, kv * d, over_width);
    part.width = select(q_width, k_width, is_key);
    part.weight = select(0u, q_width * (1u + QK_BIAS), is_key);
    part.bias = part.weight + part.width;
    part.start = select(start, row_start + select(0u, heads * d, is_key), over_width);
    at = start - part.start;
    let stats = statistics(lane, part.start, part.width);
    part.mean = stats.x;
    part.scale = stats.y;
  }
  for (var c = lane; c < d; c += WG) {
    let value = Elem(turned(part, start, at, c, position_of(row)));
    if (is_key) {
      key_cache[((head - heads) * params.capacity + slot) * d + c] = value;
    } else {
      q[(row * heads + head) * d + c] = value;
    }
  }
}
