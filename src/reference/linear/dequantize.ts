import { QUANT_BLOCK, type WeightType } from '../../core/dtypes';

/**
 * The weights [rows, cols] behind stored bytes, as f64: f32 and f16 row after row; q8 blocks of 32 codes, (code - 128) * scale; q4 blocks of
 * 16 bytes with two codes each, the first in the low nibble, (code - 8) * scale. `scale` holds one f16 per block; rows are padded to whole blocks.
 */
export function dequantize(
  type: WeightType,
  weight: Uint32Array,
  scale: Uint32Array,
  rows: number,
  cols: number,
): Float64Array {
  const bytes = new DataView(weight.buffer, weight.byteOffset, weight.byteLength);
  const scales = new DataView(scale.buffer, scale.byteOffset, scale.byteLength);
  const blocks = Math.ceil(cols / QUANT_BLOCK);
  return Float64Array.from({ length: rows * cols }, (_, i) => {
    if (type === 'f32') return bytes.getFloat32(i * 4, true);
    if (type === 'f16') return half(bytes.getUint16(i * 2, true));
    const [row, col] = [Math.floor(i / cols), i % cols];
    const block = row * blocks + Math.floor(col / QUANT_BLOCK);
    const [k, step] = [col % QUANT_BLOCK, half(scales.getUint16(block * 2, true))];
    if (type === 'q8') return (bytes.getUint8(block * QUANT_BLOCK + k) - 128) * step;
    const pair = bytes.getUint8((block * QUANT_BLOCK + k - (k % 2)) / 2);
    return ((k % 2 === 0 ? pair % 16 : Math.floor(pair / 16)) - 8) * step;
  });
}

function half(bits: number): number {
  const [sign, exponent, fraction] = [bits >= 0x8000 ? -1 : 1, Math.floor(bits / 1024) % 32, bits % 1024];
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent === 0 ? fraction / 2 ** 24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}
