// y[r, c] = table[ids[r], c], and with LEARNED + positions[p_r + offset, c], p_r the position of row r (lib/places); without TABLE the positions alone
//
// ids [rows]; table [vocabulary, cols] in STORAGE (lib/weights); positions [., cols]; y [rows, cols].
// With GIVEN, given[r, c] stands in the place of the table's row where ids[r] is no token (all bits set): vectors in the text stream (Frozen, ClipCap).
// position: tokens already in the cache; offset: first row of the position table that is in use (OPT: 2).

alias Elem = f32;

override WG: u32 = 64;
override TABLE: u32 = 1;
override LEARNED: u32 = 0;
override GIVEN: u32 = 0;

const NO_TOKEN = 0xffffffffu;

struct Params { rows: u32, cols: u32, position: u32, offset: u32 }

@group(0) @binding(0) var<storage, read> ids: array<u32>;
@group(0) @binding(1) var<storage, read> weight: array<u32>;
@group(0) @binding(2) var<storage, read> scale: array<u32>;
@group(0) @binding(3) var<storage, read> positions: array<f32>;
@group(0) @binding(4) var<storage, read> places: array<u32>;
@group(0) @binding(5) var<storage, read> given: array<f32>;
@group(0) @binding(6) var<storage, read_write> y: array<Elem>;
@group(0) @binding(7) var<uniform> params: Params;

// @import lib/weights.wgsl
// @import lib/places.wgsl

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x;
  let r = id.y;
  let cols = params.cols;
  if (r >= params.rows || c >= cols) { return; }
  var value = 0.0;
  if (GIVEN == 1u && ids[r] == NO_TOKEN) { value = given[r * cols + c]; }
  else if (TABLE == 1u) { value = weight_at(ids[r], c, cols); }
  if (LEARNED == 1u) { value += positions[(position_of(r) + params.offset) * cols + c]; }
  y[r * cols + c] = Elem(value);
}
