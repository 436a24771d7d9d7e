// y[l, h] = softmax_j(q[l, h] . k[j, h] * scale) v[j, h], over the rows j of media_kv and then of latent_kv
//
// q [latents, heads * d]; media_kv [media, 2 * heads * d], latent_kv [latents, 2 * heads * d]: keys, then values in each row; y [latents, heads * d];
// d <= 256. The concatenation is never made. A workgroup has four latents of one head, 16 lanes each; tiles as in attention/causal.
// Source: Flamingo §2.1; open_flamingo/src/helpers.py PerceiverAttention.

alias Elem = f32;

override WG: u32 = 64;

struct Params { latents: u32, media: u32, heads: u32, d: u32, scale: f32 }

@group(0) @binding(0) var<storage, read> q: array<Elem>;
@group(0) @binding(1) var<storage, read> media_kv: array<Elem>;
@group(0) @binding(2) var<storage, read> latent_kv: array<Elem>;
@group(0) @binding(3) var<storage, read_write> y: array<Elem>;
@group(0) @binding(4) var<uniform> params: Params;

const LANES = 16u;
const LOWEST = -3.0e38;

var<workgroup> scores: array<f32, WG>;

// Element c of row j of the concatenation; c counts from the head's key, values lie heads * d further.
fn kv_at(j: u32, c: u32) -> f32 {
  let width = 2u * params.heads * params.d;
  if (j < params.media) { return f32(media_kv[j * width + c]); }
  return f32(latent_kv[(j - params.media) * width + c]);
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let head = group.y;
  let team = lane / LANES;
  let within = lane % LANES;
  let row = group.x * (WG / LANES) + team;
  let d = params.d;
  let query = (row * params.heads + head) * d;
  let end = params.media + params.latents;
  let value = params.heads * d + head * d;

  var sums: array<f32, 16>;
  var largest = LOWEST;
  var total = 0.0;
  for (var first = 0u; first < end; first += LANES) {
    let j = first + within;
    var s = LOWEST;
    if (row < params.latents && j < end) {
      s = 0.0;
      for (var c = 0u; c < d; c++) { s += f32(q[query + c]) * kv_at(j, head * d + c); }
      s *= params.scale;
    }
    scores[lane] = s;
    workgroupBarrier();
    var tile = largest;
    for (var i = 0u; i < LANES; i++) { tile = max(tile, scores[team * LANES + i]); }
    let keep = exp(largest - tile);
    largest = tile;
    total *= keep;
    for (var n = 0u; n < 16u; n++) { sums[n] *= keep; }
    for (var i = 0u; i < LANES && first + i < end && row < params.latents; i++) {
      let p = exp(scores[team * LANES + i] - tile);
      total += p;
      for (var n = 0u; n * LANES + within < d; n++) { sums[n] += p * kv_at(first + i, value + n * LANES + within); }
    }
    workgroupBarrier(); // the next tile overwrites the scores
  }
  if (row >= params.latents) { return; }
  for (var n = 0u; n * LANES + within < d; n++) { y[query + n * LANES + within] = Elem(sums[n] / total); }
}
