// Matrices [rows, cols] as a package stores them, row-major; the kernel declares `weight` and `scale` (array<u32>).
// STORAGE 0: f32. 1: f16, two to a word, rows follow each other without padding. 2: q8, blocks of 32 bytes, (code - 128) * scale.
// 3: q4, blocks of 16 bytes, low nibble first, (code - 8) * scale. Quantised rows are padded to whole blocks; scale holds one f16 per block.
// Codes times f16 scales are exact in f32.

override STORAGE: u32 = 0;

struct Eight { lo: vec4f, hi: vec4f }

fn weight_half(i: u32) -> f32 {
  let pair = unpack2x16float(weight[i >> 1u]);
  return select(pair.x, pair.y, (i & 1u) == 1u);
}

fn block_scale(block: u32) -> f32 {
  let pair = unpack2x16float(scale[block >> 1u]);
  return select(pair.x, pair.y, (block & 1u) == 1u);
}

// Signed conversions, because those are one instruction everywhere.
fn codes8(word: u32) -> vec4f { return vec4f(vec4i((vec4u(word) >> vec4u(0, 8, 16, 24)) & vec4u(255)) - 128); }

fn codes4(word: u32) -> vec4f { return vec4f(vec4i((vec4u(word) >> vec4u(0, 4, 8, 12)) & vec4u(15)) - 8); }

// One weight; col < cols.
fn weight_at(row: u32, col: u32, cols: u32) -> f32 {
  if (STORAGE == 0u) { return bitcast<f32>(weight[row * cols + col]); }
  if (STORAGE == 1u) { return weight_half(row * cols + col); }
  let block = row * ((cols + 31u) / 32u) + col / 32u;
  let c = col % 32u;
  if (STORAGE == 2u) {
    let code = (weight[block * 8u + c / 4u] >> (8u * (c % 4u))) & 255u;
    return f32(i32(code) - 128) * block_scale(block);
  }
  let code = (weight[block * 4u + c / 8u] >> (4u * (c % 8u))) & 15u;
  return f32(i32(code) - 8) * block_scale(block);
}

// Weights col .. col + 7 of a row; col a multiple of 8. Beyond cols: 0, or what the codes of the padding say (always finite).
fn weights8(row: u32, col: u32, cols: u32) -> Eight {
  if (STORAGE >= 2u) {
    let block = row * ((cols + 31u) / 32u) + col / 32u;
    let s = block_scale(block);
    if (STORAGE == 2u) {
      let at = block * 8u + col % 32u / 4u;
      return Eight(codes8(weight[at]) * s, codes8(weight[at + 1u]) * s);
    }
    let word = weight[block * 4u + col % 32u / 8u];
    return Eight(codes4(word) * s, codes4(word >> 16u) * s);
  }
  let start = row * cols + col;
  if (col + 8u > cols || (STORAGE == 1u && (start & 1u) == 1u)) { return weights8_split(start, cols - col); }
  if (STORAGE == 1u) {
    let at = start / 2u;
    return Eight(
      vec4f(unpack2x16float(weight[at]), unpack2x16float(weight[at + 1u])),
      vec4f(unpack2x16float(weight[at + 2u]), unpack2x16float(weight[at + 3u])),
    );
  }
  return Eight(
    bitcast<vec4f>(vec4u(weight[start], weight[start + 1u], weight[start + 2u], weight[start + 3u])),
    bitcast<vec4f>(vec4u(weight[start + 4u], weight[start + 5u], weight[start + 6u], weight[start + 7u])),
  );
}

// The end of a row, or an f16 row that begins inside a word: one weight at a time.
fn weights8_split(start: u32, count: u32) -> Eight {
  var all = Eight();
  for (var i = 0u; i < min(count, 8u); i++) {
    var value = 0.0;
    if (STORAGE == 1u) { value = weight_half(start + i); } else { value = bitcast<f32>(weight[start + i]); }
    if (i < 4u) { all.lo[i] = value; } else { all.hi[i - 4u] = value; }
  }
  return all;
}
