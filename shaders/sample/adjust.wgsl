// y[i] = lowest where i is not allowed; where i was seen, logits[i] / penalty, or logits[i] * penalty below 0; else logits[i]
//
// logits, y [vocab]; masks: `words` words of a bit per token that was seen, then as many of tokens that are allowed.
// Source: Keskar et al. 2019, CTRL; transformers RepetitionPenaltyLogitsProcessor.

alias Elem = f32;

override WG: u32 = 256;

struct Params { vocab: u32, words: u32, penalty: f32 }

@group(0) @binding(0) var<storage, read> logits: array<Elem>;
@group(0) @binding(1) var<storage, read> masks: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<Elem>;
@group(0) @binding(3) var<uniform> params: Params;

fn has(first: u32, i: u32) -> bool { return ((masks[first + i / 32u] >> (i % 32u)) & 1u) == 1u; }

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x;
  if (i >= params.vocab) { return; }
  var value = f32(logits[i]);
  if (has(0u, i)) { value = select(value / params.penalty, value * params.penalty, value < 0.0); }
  if (!has(params.words, i)) { value = -65504.0; } // what f16 holds at least; no logit comes near
  y[i] = Elem(value);
}
