// Matrices [rows, cols] as a package stores them, row-major; the kernel declares `weight` and `scale` (array<u32>).
// STORAGE 0: f32. 1: f16, two to a word, rows follow each other without padding. 2: q8, blocks of 32 bytes, (code - 128) * scale.
// 3: q4, blocks of 16 bytes, low nibble first, (code - 8) * scale. Quantised rows are padded to whole blocks; scale holds one f16 per block.
// Codes times f16 scales are exact in f32.

override STORAGE: u32 = 0;

fn weight_half(i: u32) -> f32 {
  let pair = unpack2x16float(weight[i / 2u]);
  return select(pair.x, pair.y, (i & 1u) == 1u);
}

fn block_scale(at_block: u32) -> f32 {
  let pair = unpack2x16float(scale[at_block / 2u]);
  return select(pair.x, pair.y, (at_block & 1u) == 1u);
}

// Signed conversions, because those are one instruction everywhere.
fn codes8(word: u32) -> vec4f { return vec4f(vec4i((vec4u(word) >> vec4u(0, 8, 16, 24)) & vec4u(255)) - 128); }

fn codes4(word: u32) -> vec4f { return vec4f(vec4i((vec4u(word) >> vec4u(0, 4, 8, 12)) & vec4u(15)) - 8); }

// One weight; col < cols.
fn weight_at(row: u32, col: u32, cols: u32) -> f32 {
  if (STORAGE == 0u) { return bitcast<f32>(weight[row * cols + col]); }
  if (STORAGE == 1u) { return weight_half(row * cols + col); }
  let at_block = row * ((cols + 31u) / 32u) + col / 32u;
  let c = col % 32u;
  if (STORAGE == 2u) {
    let code = (weight[at_block * 8u + c / 4u] >> (8u * (c % 4u))) & 255u;
    return f32(i32(code) - 128) * block_scale(at_block);
  }
  let code = (weight[at_block * 4u + c / 8u] >> (4u * (c % 8u))) & 15u;
  return f32(i32(code) - 8) * block_scale(at_block);
}

// Weights col .. col + 3 of a row; col a multiple of 4. Beyond cols: the last weight again, or what the codes of the padding say.
fn weights4(row: u32, col: u32, cols: u32) -> vec4f {
  if (STORAGE >= 2u) {
    let at_block = row * ((cols + 31u) / 32u) + col / 32u;
    if (STORAGE == 2u) { return codes8(weight[at_block * 8u + col % 32u / 4u]) * block_scale(at_block); }
    return codes4(weight[at_block * 4u + col % 32u / 8u] >> (col % 8u * 4u)) * block_scale(at_block);
  }
  let i = row * cols + min(vec4u(col) + vec4u(0, 1, 2, 3), vec4u(cols - 1u));
  if (STORAGE == 1u) { return vec4f(weight_half(i.x), weight_half(i.y), weight_half(i.z), weight_half(i.w)); }
  return bitcast<vec4f>(vec4u(weight[i.x], weight[i.y], weight[i.z], weight[i.w]));
}
