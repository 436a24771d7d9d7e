// token[0] = one of top_ids, drawn with the probabilities softmax(top_values / temperature) within the smallest leading set of mass top_p,
// less those that are not min_p times as likely as the first
//
// top_values, top_ids [k], descending. The random number is a hash of (seed, step): core/random-counter, Jarzynski and Olano 2020.
// One lane: k is at most 256, and the sum has to be taken in order for the draw to be repeatable.

struct Params { k: u32, seed: u32, step: u32, temperature: f32, top_p: f32, min_p: f32 }

@group(0) @binding(0) var<storage, read> top_values: array<f32>;
@group(0) @binding(1) var<storage, read> top_ids: array<u32>;
@group(0) @binding(2) var<storage, read_write> token: array<u32>;
@group(0) @binding(3) var<uniform> params: Params;

const NO_TOKEN = 0xffffffffu;

fn pcg(input: u32) -> u32 {
  let state = input * 747796405u + 2891336453u;
  let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  return (word >> 22u) ^ word;
}

fn uniform_from_counter(seed: u32, step: u32) -> f32 { return f32(pcg(pcg(seed) + step) >> 8u) / 16777216.0; }

const BANNED = -65504.0; // sample/adjust

fn weight(i: u32) -> f32 {
  if (top_values[i] <= BANNED) { return 0.0; }
  return exp((top_values[i] - top_values[0]) / params.temperature);
}

@compute @workgroup_size(1)
fn main() {
  token[0] = top_ids[0];
  if (params.temperature <= 0.0) { return; }
  var count = 0u;
  var total = 0.0;
  for (; count < params.k && top_ids[count] != NO_TOKEN; count++) { total += weight(count); }
  var kept = 0u;
  var mass = 0.0;
  for (; kept < count && (kept == 0u || (mass < params.top_p * total && weight(kept) >= params.min_p)); kept++) { mass += weight(kept); }
  var rest = uniform_from_counter(params.seed, params.step) * mass;
  for (var i = 0u; i < kept; i++) {
    token[0] = top_ids[i];
    rest -= weight(i);
    if (rest < 0.0) { return; }
  }
}
