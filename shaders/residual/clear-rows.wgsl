// x[r, c] = 0 in every row r with open[r] = 0; the other rows stay as they are
//
// x [rows, cols]; open [rows]. One lane per element.
// Source: transformers models/mllama/modeling_mllama.py MllamaCrossAttentionDecoderLayer, full_text_row_masked_out_mask.

alias Elem = f32;

override WG: u32 = 64;

struct Params { rows: u32, cols: u32 }

@group(0) @binding(0) var<storage, read> open: array<u32>;
@group(0) @binding(1) var<storage, read_write> x: array<Elem>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let column = group.x * WG + lane;
  let row = group.y;
  if (column >= params.cols || row >= params.rows || open[row] != 0u) { return; }
  x[row * params.cols + column] = Elem(0);
}
