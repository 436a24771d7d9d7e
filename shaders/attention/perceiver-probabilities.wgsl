// probabilities[h, l, j] = softmax_j(q[l, h] . k[j, h] * scale), over the rows j of media_kv and then of latent_kv
//
// What attention/perceiver weighs its values with; inputs as there. probabilities [heads, latents, media + latents], f32 whatever the activations are.
// One workgroup per latent and head: a lane leaves its scores in the result until their largest and sum are known.

alias Elem = f32;

override WG: u32 = 64;

struct Params { latents: u32, media: u32, heads: u32, d: u32, scale: f32 }

@group(0) @binding(0) var<storage, read> q: array<Elem>;
@group(0) @binding(1) var<storage, read> media_kv: array<Elem>;
@group(0) @binding(2) var<storage, read> latent_kv: array<Elem>;
@group(0) @binding(3) var<storage, read_write> probabilities: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

// @import lib/exponential-sum.wgsl

// Element c of the key of row j of the concatenation, which is never made.
fn key_at(j: u32, c: u32) -> f32 {
  let width = 2u * params.heads * params.d;
  if (j < params.media) { return f32(media_kv[j * width + c]); }
  return f32(latent_kv[(j - params.media) * width + c]);
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let head = group.y;
  let query = (group.x * params.heads + head) * params.d;
  let end = params.media + params.latents;
  let to = (head * params.latents + group.x) * end;
  var pair = vec2f(LOWEST, 0.0);
  for (var j = lane; j < end; j += WG) {
    var s = 0.0;
    for (var c = 0u; c < params.d; c++) { s += f32(q[query + c]) * key_at(j, head * params.d + c); }
    s *= params.scale;
    probabilities[to + j] = s;
    pair = with_score(pair, s);
  }
  let all = workgroup_pair(lane, pair);
  for (var j = lane; j < end; j += WG) { probabilities[to + j] = exp(probabilities[to + j] - all.x) / all.y; }
}
