// y[t, r] = epilogue(sum_k norm(x[first + t])[k] * W[r, k]), cols a multiple of 32
//
// Shapes as in linear/matvec. A team of LANES lanes computes four rows of W at once (four outputs, or with PAIR two gate rows and their
// value rows), one vec4u of each per lane and turn: 4, 8, 16 or 32 columns by STORAGE. Codes are unpacked for the four rows together, so that no
// product needs a sum across a vector.
// LANES = 1 sums without any barrier: software adapters, where a barrier costs more than the rest, want that; GPUs want neighbouring lanes
// on neighbouring words.

alias Elem = f32;

override WG: u32 = 64;
override LANES: u32 = 16;
override STORAGE: u32 = 0;

struct Params { rows: u32, first: u32, outputs: u32, cols: u32, eps: f32 }

@group(0) @binding(0) var<storage, read> x: array<vec4<Elem>>;
@group(0) @binding(1) var<storage, read> norm: array<vec4f>;
@group(0) @binding(2) var<storage, read> weight: array<vec4u>;
@group(0) @binding(3) var<storage, read> scale: array<u32>;
@group(0) @binding(4) var<storage, read> bias: array<f32>;
@group(0) @binding(5) var<storage, read> gate: array<f32>;
@group(0) @binding(6) var<storage, read_write> y: array<Elem>;
@group(0) @binding(7) var<uniform> params: Params;

// @import lib/row-norm-quads.wgsl
// @import lib/team-sum.wgsl
// @import lib/epilogue.wgsl

fn block_scale(at_block: u32) -> f32 {
  let pair = unpack2x16float(scale[at_block / 2u]);
  return select(pair.x, pair.y, (at_block & 1u) == 1u);
}

fn block_scales(blocks: vec4u) -> vec4f {
  return vec4f(block_scale(blocks.x), block_scale(blocks.y), block_scale(blocks.z), block_scale(blocks.w));
}

// One code of each of four rows; signed conversion, because that is one instruction everywhere.
fn codes8(words: vec4u, shift: u32) -> vec4f { return vec4f(vec4i((words >> vec4u(shift)) & vec4u(255)) - 128); }

fn codes4(words: vec4u, shift: u32) -> vec4f { return vec4f(vec4i((words >> vec4u(shift)) & vec4u(15)) - 8); }

// Four products of each row with four codes of 8 bits.
fn word8(v: vec4f, words: vec4u) -> vec4f {
  return v.x * codes8(words, 0u) + v.y * codes8(words, 8u) + v.z * codes8(words, 16u) + v.w * codes8(words, 24u);
}

// Eight products of each row with eight codes of 4 bits.
fn word4(lo: vec4f, hi: vec4f, words: vec4u) -> vec4f {
  return lo.x * codes4(words, 0u) + lo.y * codes4(words, 4u) + lo.z * codes4(words, 8u) + lo.w * codes4(words, 12u)
    + hi.x * codes4(words, 16u) + hi.y * codes4(words, 20u) + hi.z * codes4(words, 24u) + hi.w * codes4(words, 28u);
}

fn halves(low: u32, high: u32) -> vec4f { return vec4f(unpack2x16float(low), unpack2x16float(high)); }

// One vector of each of four rows of W.
struct Vectors { a: vec4u, b: vec4u, c: vec4u, d: vec4u }

fn load(at: vec4u) -> Vectors { return Vectors(weight[at.x], weight[at.y], weight[at.z], weight[at.w]); }

// The products of four vectors with the quads of x from q on. The loops start at q, not 0, so that compilers leave them rolled: unrolled
// they take seconds to compile on lavapipe, and are no faster.
fn products(row: RowNorm, q: u32, vectors: Vectors) -> vec4f {
  var v = vectors;
  if (STORAGE == 0u) {
    return normalised(row, q) * mat4x4f(bitcast<vec4f>(v.a), bitcast<vec4f>(v.b), bitcast<vec4f>(v.c), bitcast<vec4f>(v.d));
  }
  if (STORAGE == 1u) {
    return normalised(row, q) * mat4x4f(halves(v.a.x, v.a.y), halves(v.b.x, v.b.y), halves(v.c.x, v.c.y), halves(v.d.x, v.d.y))
      + normalised(row, q + 1u) * mat4x4f(halves(v.a.z, v.a.w), halves(v.b.z, v.b.w), halves(v.c.z, v.c.w), halves(v.d.z, v.d.w));
  }
  var sums = vec4f();
  let step = select(2u, 1u, STORAGE == 2u);
  for (var i = q; i < q + 4u * step; i += step) {
    let words = vec4u(v.a.x, v.b.x, v.c.x, v.d.x);
    if (STORAGE == 2u) { sums += word8(normalised(row, i), words); } else { sums += word4(normalised(row, i), normalised(row, i + 1u), words); }
    v = Vectors(v.a.yzwx, v.b.yzwx, v.c.yzwx, v.d.yzwx);
  }
  return sums;
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let t = group.z;
  let outputs = params.outputs;
  let each = 4u / (1u + PAIR); // outputs per team
  let group_first = (group.y * 65535u + group.x) * (WG / LANES * each);
  if (t >= params.rows || group_first >= outputs) { return; }
  let r = group_first + lane / LANES * each;
  // Rows beyond the end are computed as the last one and not stored.
  var rows = min(vec4u(r, r + 1u, r + 2u, r + 3u), vec4u(outputs - 1u));
  if (PAIR == 1u) { rows = vec4u(rows.xy, outputs + rows.xy); }

  let quads = params.cols / 4u;
  let row = row_norm(lane, (params.first + t) * quads, quads, params.eps);
  let vectors = quads >> STORAGE; // of a row of W
  let at = rows * vectors;

  var sums = vec4f();
  for (var i = lane % LANES; i < vectors; i += LANES) {
    let p = products(row, i << STORAGE, load(at + i));
    if (STORAGE >= 2u) { sums += p * block_scales((at + i) >> vec4u(3u - STORAGE)); } else { sums += p; }
  }
  sums = team_sum(lane, sums);

  for (var o = lane % LANES; o < each; o += LANES) {
    if (r + o < outputs) { finish(t, r + o, sums[o], sums[o + 2u * PAIR]); }
  }
}
