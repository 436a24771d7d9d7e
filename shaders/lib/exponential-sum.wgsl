// The largest of many scores and the sum of exp(score - largest), in one pass: each of WG (a power of two) lanes keeps a running pair, and the pairs
// meet in a tree (Milakov and Gimelshein 2018). vec2f(largest, sum); vec2f(LOWEST, 0) is the pair of no score.

const LOWEST = -3.0e38;

var<workgroup> pairs: array<vec2f, WG>;

fn with_score(pair: vec2f, score: f32) -> vec2f {
  let largest = max(pair.x, score);
  return vec2f(largest, pair.y * exp(pair.x - largest) + exp(score - largest));
}

// Of all lanes' pairs; every lane gets it. Once per kernel: a second call might overwrite what a slower lane still reads.
fn workgroup_pair(lane: u32, pair: vec2f) -> vec2f {
  pairs[lane] = pair;
  workgroupBarrier();
  for (var half = WG / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      let other = pairs[lane + half];
      let largest = max(pairs[lane].x, other.x);
      pairs[lane] = vec2f(largest, pairs[lane].y * exp(pairs[lane].x - largest) + other.y * exp(other.x - largest));
    }
    workgroupBarrier();
  }
  return pairs[0];
}
