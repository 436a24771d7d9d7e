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

var<workgroup> x_tile: array<vec4f, TILE_ROWS * STRIDE>;
var<workgroup> w_tile: array<vec4f, (1 + PAIR) * TILE_OUTPUTS * STRIDE>;

// Columns col .. col + 31 of TILE_ROWS rows of x; 0 outside.
fn load_x(lane: u32, lanes: u32, row: u32, col: u32) {
  for (var i = lane; i < TILE_ROWS * 4u; i += lanes) {
    let c = col + i % 4u * 8u;
    var v = Eight();
    if (row + i / 4u < params.rows && c < params.cols) { v = inputs8((row + i / 4u) * params.cols, c, params.cols); }
    let at = i / 4u * STRIDE + i % 4u * 2u;
    x_tile[at] = v.lo;
    x_tile[at + 1u] = v.hi;
  }
}

// Columns col .. col + 31 of TILE_OUTPUTS rows of W, then with PAIR of as many value rows; 0 outside.
fn load_w(lane: u32, lanes: u32, row: u32, col: u32) {
  for (var i = lane; i < (1u + PAIR) * TILE_OUTPUTS * 4u; i += lanes) {
    let c = col + i % 4u * 8u;
    let r = row + i / 4u % TILE_OUTPUTS;
    var v = Eight();
    if (r < params.outputs && c < params.cols) {
      v = weights8(r + i / 4u / TILE_OUTPUTS * params.outputs, c, params.cols);
    }
    let at = i / 4u * STRIDE + i % 4u * 2u;
    w_tile[at] = v.lo;
    w_tile[at + 1u] = v.hi;
  }
}

// Four rows of x against one row of W.
fn products(xs: mat4x4f, w: vec4f) -> vec4f { return w * xs; }

@compute @workgroup_size(TILE_ROWS / 4 * TILE_OUTPUTS / 4)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let lanes = TILE_ROWS / 4u * (TILE_OUTPUTS / 4u);
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
    load_x(lane, lanes, row, col);
    load_w(lane, lanes, output, col);
    workgroupBarrier();
    for (var k = 0u; k < 8u; k++) {
      let a = i * STRIDE + k;
      let b = j * STRIDE + k;
      let xs = mat4x4f(x_tile[a], x_tile[a + x_step], x_tile[a + 2u * x_step], x_tile[a + 3u * x_step]);
      sums += mat4x4f(products(xs, w_tile[b]), products(xs, w_tile[b + w_step]), products(xs, w_tile[b + 2u * w_step]), products(xs, w_tile[b + 3u * w_step]));
      if (PAIR == 1u) {
        let p = b + 4u * w_step;
        pair_sums += mat4x4f(products(xs, w_tile[p]), products(xs, w_tile[p + w_step]), products(xs, w_tile[p + 2u * w_step]), products(xs, w_tile[p + 3u * w_step]));
      }
    }
  }

  for (var o = 0u; o < 4u; o++) {
    let r = output + j + o * (TILE_OUTPUTS / 4u);
    for (var n = 0u; n < 4u; n++) {
      let t = row + i + n * (TILE_ROWS / 4u);
      if (t < params.rows && r < params.outputs) { finish(t, r, sums[o][n], pair_sums[o][n]); }
    }
  }
}
