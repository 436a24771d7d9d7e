// y[t, r] = epilogue(sum_k x[t, k] * W[r, k])
//
// x [rows, cols]; W [outputs, cols] in STORAGE (lib/weights), [2 * outputs, cols] with PAIR; bias, gate, y as in lib/epilogue; y [rows, outputs].
// A workgroup computes TILE_ROWS x TILE_OUTPUTS of y (multiples of 4), 4 x 4 per lane, from tiles of 32 columns in workgroup memory. Lane
// (i, j) owns rows i, i + TILE_ROWS / 4 ... and outputs likewise, so that neighbouring lanes read neighbouring rows of a tile; rows of a tile
// are 9 vec4f apart so that they lie in different banks. Sums in f32.

alias Elem = f32;

override TILE_ROWS: u32 = 32;
override TILE_OUTPUTS: u32 = 32;

struct Params { rows: u32, outputs: u32, cols: u32 }

@group(0) @binding(0) var<storage, read> x: array<Elem>;
@group(0) @binding(1) var<storage, read> weight: array<u32>;
@group(0) @binding(2) var<storage, read> scale: array<u32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read> gate: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<Elem>;
@group(0) @binding(6) var<uniform> params: Params;

// @import lib/weights.wgsl
// @import lib/inputs.wgsl
// @import lib/epilogue.wgsl

const STRIDE = 9u;
override LANES = TILE_ROWS / 4u * (TILE_OUTPUTS / 4u);

var<workgroup> x_tile: array<vec4f, TILE_ROWS * STRIDE>;
var<workgroup> w_tile: array<vec4f, (1 + PAIR) * TILE_OUTPUTS * STRIDE>;

// Columns col .. col + 31 of TILE_ROWS rows of x; 0 outside.
fn load_x(lane: u32, row: u32, col: u32) {
  for (var i = lane; i < TILE_ROWS * 8u; i += LANES) {
    let t = row + i / 8u;
    let c = col + i % 8u * 4u;
    var v = vec4f();
    if (t < params.rows && c < params.cols) { v = inputs4(t * params.cols, c, params.cols); }
    x_tile[i / 8u * STRIDE + i % 8u] = v;
  }
}

// Columns col .. col + 31 of TILE_OUTPUTS rows of W, then with PAIR of as many value rows; finite outside.
fn load_w(lane: u32, row: u32, col: u32) {
  for (var i = lane; i < (1u + PAIR) * TILE_OUTPUTS * 8u; i += LANES) {
    let r = row + i / 8u % TILE_OUTPUTS;
    let c = col + i % 8u * 4u;
    var v = vec4f();
    if (r < params.outputs && c < params.cols) { v = weights4(r + i / 8u / TILE_OUTPUTS * params.outputs, c, params.cols); }
    w_tile[i / 8u * STRIDE + i % 8u] = v;
  }
}

// Four rows of x against the four rows of the tile of W that begin at b, a step apart.
fn products(xs: mat4x4f, b: u32, step: u32) -> mat4x4f {
  return mat4x4f(w_tile[b] * xs, w_tile[b + step] * xs, w_tile[b + 2u * step] * xs, w_tile[b + 3u * step] * xs);
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.y * TILE_ROWS;
  let output = group.x * TILE_OUTPUTS;
  let i = lane / (TILE_OUTPUTS / 4u);
  let j = lane % (TILE_OUTPUTS / 4u);
  let x_step = TILE_ROWS / 4u * STRIDE;
  let w_step = TILE_OUTPUTS / 4u * STRIDE;

  var sums = mat4x4f(); // sums[o][n]: row i + n * TILE_ROWS / 4, output j + o * TILE_OUTPUTS / 4
  var pair_sums = mat4x4f();
  for (var col = 0u; col < params.cols; col += 32u) {
    workgroupBarrier();
    load_x(lane, row, col);
    load_w(lane, output, col);
    workgroupBarrier();
    // From i * STRIDE, not 0, so that compilers leave the loop rolled: unrolled it takes seconds to compile on software adapters.
    var b = j * STRIDE;
    for (var a = i * STRIDE; a < i * STRIDE + 8u; a++) {
      let xs = mat4x4f(x_tile[a], x_tile[a + x_step], x_tile[a + 2u * x_step], x_tile[a + 3u * x_step]);
      sums += products(xs, b, w_step);
      if (PAIR == 1u) { pair_sums += products(xs, b + 4u * w_step, w_step); }
      b++;
    }
  }

  // Rolled for the same reason; the next sums are moved to the front instead of being indexed.
  for (var r = output + j; r < output + j + TILE_OUTPUTS; r += TILE_OUTPUTS / 4u) {
    for (var t = row + i; t < row + i + TILE_ROWS; t += TILE_ROWS / 4u) {
      if (t < params.rows && r < params.outputs) { finish(t, r, sums[0].x, pair_sums[0].x); }
      sums[0] = sums[0].yzwx;
      pair_sums[0] = pair_sums[0].yzwx;
    }
    sums = mat4x4f(sums[1], sums[2], sums[3], sums[0]);
    pair_sums = mat4x4f(pair_sums[1], pair_sums[2], pair_sums[3], pair_sums[0]);
  }
}
