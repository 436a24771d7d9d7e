// y[r, h] = softmax_j(q[r, h] . k[j] * scale + slope_h * (j - p_r)) v[j], over the keys j <= p_r, the position of row r (lib/places)
//
// q [rows, heads, d]; caches [kv_heads, capacity, d]; query head h reads kv head h / (heads / kv_heads); y [rows, heads * d]; d <= 256.
// ALIBI 1 as above; 2 rounds as Falcon does: (q[r, h] . k[j] + bf16(slope_h * bf16(j))) * scale.
// A workgroup has four rows of one head, 16 lanes each. Keys come in tiles of 16: each lane scores one key, then each lane sums its share of
// the d values. Running maximum and sum as in Milakov and Gimelshein 2018. Slots that are not on a
// row's path are never read: rows of one step may be continuations of one prefix that do not see each other.

alias Elem = f32;

override WG: u32 = 64;
override ALIBI: u32 = 0;

struct Params {
  rows: u32, position: u32, capacity: u32, heads: u32, kv_heads: u32, d: u32, scale: f32, prefix: u32, stride: u32,
}

@group(0) @binding(0) var<storage, read> q: array<Elem>;
@group(0) @binding(1) var<storage, read> key_cache: array<Elem>;
@group(0) @binding(2) var<storage, read> value_cache: array<Elem>;
@group(0) @binding(3) var<storage, read> slopes: array<f32>;
@group(0) @binding(4) var<storage, read> places: array<u32>;
@group(0) @binding(5) var<storage, read_write> y: array<Elem>;
@group(0) @binding(6) var<uniform> params: Params;

// @import lib/places.wgsl

const LANES = 16u;
const LOWEST = -3.0e38;

var<workgroup> scores: array<f32, WG>;

// To 8 significant bits, ties to even.
fn bfloat(value: f32) -> f32 {
  let bits = bitcast<u32>(value);
  return bitcast<f32>((bits + 0x7fffu + ((bits >> 16u) & 1u)) & 0xffff0000u);
}

// The cache slot of the token at position j, as row `row` sees it.
fn slot_of(row: u32, j: u32) -> u32 {
  if (TREE == 0u || j < params.prefix) { return j; }
  return places[params.rows + row * params.stride + j - params.prefix];
}

fn score(query: u32, key: u32) -> f32 {
  var sum = 0.0;
  for (var c = 0u; c < params.d; c++) { sum += f32(q[query + c]) * f32(key_cache[key + c]); }
  return sum * params.scale;
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let head = group.y;
  let team = lane / LANES;
  let within = lane % LANES;
  let rows_per_group = WG / LANES;
  let row = group.x * rows_per_group + team;
  let d = params.d;
  let cache = head / (params.heads / params.kv_heads) * params.capacity * d;
  let query = (row * params.heads + head) * d;
  let first_row = group.x * rows_per_group;
  let end_row = min(params.rows, first_row + rows_per_group);
  let last = position_of(min(row, params.rows - 1u)); // the last key this row sees
  var end = 0u; // uniform: of all rows of the workgroup
  for (var r = first_row; r < end_row; r++) { end = max(end, position_of(r) + 1u); }

  var sums: array<f32, 16>; // this lane's share of y: elements within, within + 16, ...
  var largest = LOWEST;
  var total = 0.0;
  for (var first = 0u; first < end; first += LANES) {
    let j = first + within;
    var s = LOWEST;
    if (row < params.rows && j <= last) {
      s = score(query, cache + slot_of(row, j) * d);
      if (ALIBI == 1u) { s += slopes[head] * (f32(j) - f32(last)); }
      if (ALIBI == 2u) { s += bfloat(slopes[head] * bfloat(f32(j))) * params.scale; }
    }
    scores[lane] = s;
    workgroupBarrier();
    var tile = largest;
    for (var i = 0u; i < LANES; i++) { tile = max(tile, scores[team * LANES + i]); }
    let keep = exp(largest - tile);
    largest = tile;
    total *= keep;
    for (var n = 0u; n < 16u; n++) { sums[n] *= keep; }
    for (var i = 0u; i < LANES && first + i <= last && row < params.rows; i++) {
      let p = exp(scores[team * LANES + i] - tile);
      total += p;
      let value = cache + slot_of(row, first + i) * d;
      for (var n = 0u; n * LANES + within < d; n++) { sums[n] += p * f32(value_cache[value + n * LANES + within]); }
    }
    workgroupBarrier(); // the next tile overwrites the scores
  }
  if (row >= params.rows) { return; }
  for (var n = 0u; n * LANES + within < d; n++) { y[query + n * LANES + within] = Elem(sums[n] / total); }
}
