// Attention of one query to latents of a medium, WG of them at a time with a running maximum (Milakov & Gimelshein 2018); the kernel declares `q`, `keys`,
// `values`, `y` and params. Lane l sums up channels l, l + WG, …; an exponential is computed once, by its latent's lane, and read by all.

// @import lib/media-scores.wgsl
// @import lib/workgroup-sum.wgsl

var<private> sums: array<f32, 8>; // d <= 256, WG >= 32
var<private> largest: f32 = -3.0e38;
var<private> total: f32; // of the latents whose scores this lane computed

// Takes in `seen` latents, whose keys and values begin at element `medium`.
fn attend(lane: u32, query: u32, medium: u32, seen: u32) {
  for (var first = 0u; first < seen; first += WG) {
    let count = min(WG, seen - first);
    let tile = medium + first * params.d;
    tile_scores(lane, query, tile, count);
    var most = largest;
    for (var i = 0u; i < count; i++) { most = max(most, scores[i]); }
    workgroupBarrier(); // all lanes have read the scores
    let keep = exp(largest - most);
    largest = most;
    total *= keep;
    if (lane < count) {
      let weight = exp(scores[lane] - most);
      scores[lane] = weight;
      total += weight;
    }
    workgroupBarrier();
    for (var n = 0u; n * WG + lane < params.d; n++) {
      var sum = sums[n] * keep;
      for (var i = 0u; i < count; i++) { sum += scores[i] * f32(values[tile + i * params.d + n * WG + lane]); }
      sums[n] = sum;
    }
    workgroupBarrier(); // the next tile overwrites the scores
  }
}

// y for this query, from element `query` on: the weighted mean of the values, 0 where nothing was taken in.
fn write_attended(lane: u32, query: u32) {
  let whole = workgroup_sum(lane, total);
  let scale = select(0.0, 1.0 / whole, whole > 0.0);
  for (var n = 0u; n * WG + lane < params.d; n++) { y[query + n * WG + lane] = Elem(sums[n] * scale); }
}
