import { QUANT_BLOCK } from '../core/dtypes';
import { floatToHalf, halfToFloat } from '../core/half';

/** Codes and scales of some rows, in the package's layout (format/tensor-names). */
export interface QuantizedRows {
  codes: Uint8Array<ArrayBuffer>;
  /** One f16 per block. */
  scales: Uint16Array<ArrayBuffer>;
  /** Largest |value - dequantised| in steps of the block's scale: half a step, or one where the other end of the range has no code. */
  worstSteps: number;
  /** Sum of squared errors and of squared values. */
  errorSquares: number;
  squares: number;
}

/** Codes run from -levels to levels - 1; stored with `levels` added. */
const LEVELS = { q8: 128, q4: 8 };

/**
 * Symmetric quantisation of rows of `columns` values, in blocks of 32 with one f16 scale. The scale puts the value of largest magnitude on the code
 * -levels exactly (as ggml's q4_0 does), whatever its sign: the scale may be negative, and no code is wasted. Rows are padded with zeros.
 */
export function quantizeRows(values: Float32Array, columns: number, type: 'q8' | 'q4'): QuantizedRows {
  const levels = LEVELS[type];
  const rows = values.length / columns;
  const blocks = Math.ceil(columns / QUANT_BLOCK);
  const codes = new Uint8Array(rows * blocks * (type === 'q8' ? QUANT_BLOCK : QUANT_BLOCK / 2));
  const scales = new Uint16Array(rows * blocks);
  const stats = { worstSteps: 0, errorSquares: 0, squares: 0 };
  for (let row = 0; row < rows; row++) {
    for (let b = 0; b < blocks; b++) {
      const start = row * columns + b * QUANT_BLOCK;
      const block = values.subarray(start, Math.min(start + QUANT_BLOCK, (row + 1) * columns));
      const index = row * blocks + b;
      scales[index] = floatToHalf(largest(block) / -levels);
      quantizeBlock(block, halfToFloat(scales[index]), levels, codes, index, stats);
    }
  }
  return { codes, scales, ...stats };
}

function quantizeBlock(
  block: Float32Array,
  scale: number,
  levels: number,
  codes: Uint8Array,
  index: number,
  stats: { worstSteps: number; errorSquares: number; squares: number },
): void {
  for (let i = 0; i < QUANT_BLOCK; i++) {
    const value = block[i] ?? 0;
    const code = scale === 0 ? 0 : Math.max(-levels, Math.min(levels - 1, Math.round(value / scale)));
    const stored = code + levels;
    if (levels === 128) codes[index * QUANT_BLOCK + i] = stored;
    else codes[index * (QUANT_BLOCK / 2) + (i >> 1)] |= stored << (4 * (i & 1));
    const error = Math.abs(value - code * scale);
    stats.errorSquares += error * error;
    stats.squares += value * value;
    // Scales below 2^-14 are f16 subnormals, known only to 2^-25: that part is the format's, not a defect.
    const beyond = Math.max(0, error - levels * 2 ** -25);
    if (scale !== 0) stats.worstSteps = Math.max(stats.worstSteps, beyond / Math.abs(scale));
  }
}

/** The value of largest magnitude, with its sign. */
function largest(block: Float32Array): number {
  let most = 0;
  for (const value of block) if (Math.abs(value) > Math.abs(most)) most = value;
  return most;
}
