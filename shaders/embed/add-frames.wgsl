// x[f, v, c] += table[p, c] with p = f, or p = f (rows - 1) / (frames - 1) where the clip has more frames than the table has rows
//
// x [frames, patches, cols]: the features of a clip; table [rows, cols]: the learned embeddings. Between two rows the table is linear. Whole and rest of p are
// computed in integers: a rounded f32 position times the difference of two rows would cost more than 1e-6.
// Source: Flamingo (Alayrac et al. 2022), 3.1.1 and its interpolation of 8 embeddings to 30 frames; open_flamingo PerceiverResampler, frame_embs.

alias Elem = f32;

override WG: u32 = 64;

struct Params { frames: u32, patches: u32, cols: u32, rows: u32 }

@group(0) @binding(0) var<storage, read_write> x: array<Elem>;
@group(0) @binding(1) var<storage, read> table: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

fn embedding(f: u32, c: u32) -> f32 {
  if (params.frames <= params.rows) { return table[f * params.cols + c]; }
  let steps = params.frames - 1u;
  let row = f * (params.rows - 1u) / steps;
  let rest = f * (params.rows - 1u) % steps;
  let here = table[row * params.cols + c];
  if (rest == 0u) { return here; }
  let next = table[(row + 1u) * params.cols + c];
  return here + (next - here) * (f32(rest) / f32(steps));
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x;
  let v = id.y;
  let f = id.z;
  if (f >= params.frames || v >= params.patches || c >= params.cols) { return; }
  let i = (f * params.patches + v) * params.cols + c;
  x[i] = Elem(f32(x[i]) + embedding(f, c));
}
