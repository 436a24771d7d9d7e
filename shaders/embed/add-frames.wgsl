// x[f, v, c] += table[f, c]
//
// x [frames, patches, cols]: the features of a clip; frames: the learned table [at least frames, cols].
// Source: Flamingo (Alayrac et al. 2022), 3.1.1; open_flamingo PerceiverResampler, frame_embs.

alias Elem = f32;

override WG: u32 = 64;

struct Params { frames: u32, patches: u32, cols: u32 }

@group(0) @binding(0) var<storage, read_write> x: array<Elem>;
@group(0) @binding(1) var<storage, read> frames: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x;
  let v = id.y;
  let f = id.z;
  if (f >= params.frames || v >= params.patches || c >= params.cols) { return; }
  let i = (f * params.patches + v) * params.cols + c;
  x[i] = Elem(f32(x[i]) + frames[f * params.cols + c]);
}
