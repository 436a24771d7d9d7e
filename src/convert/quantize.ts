import { QUANT_BLOCK } from '../core/dtypes';
import { FlamingoError } from '../core/errors';
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
 * Throws `unsupported` when a scale is beyond f16.
 */
export function quantizeRows(values: Float32Array, columns: number, type: 'q8' | 'q4'): QuantizedRows {
  const rows = values.length / columns;
  const blocks = Math.ceil(columns / QUANT_BLOCK);
  const codes = new Uint8Array(rows * blocks * (type === 'q8' ? QUANT_BLOCK : QUANT_BLOCK / 2));
  const scales = new Uint16Array(rows * blocks);
  const sums = new Float64Array(3);
  const stored = new Uint8Array(QUANT_BLOCK);
  const levels = LEVELS[type];
  for (let index = 0; index < scales.length; index++) {
    const [row, b] = [Math.floor(index / blocks), index % blocks];
    const start = row * columns + b * QUANT_BLOCK;
    scales[index] = quantizeBlock(
      values,
      start,
      Math.min(QUANT_BLOCK, (row + 1) * columns - start),
      levels,
      stored,
      sums,
    );
    if (type === 'q8') codes.set(stored, index * QUANT_BLOCK);
    else packNibbles(stored, codes, (index * QUANT_BLOCK) / 2);
  }
  return { codes, scales, errorSquares: sums[0], squares: sums[1], worstSteps: sums[2] };
}

/** Stored codes of one block; returns its scale as f16. This is the inner loop of every conversion: plain numbers, no calls per value. */
function quantizeBlock(
  values: Float32Array,
  start: number,
  count: number,
  levels: number,
  stored: Uint8Array,
  sums: Float64Array,
): number {
  const half = floatToHalf(largest(values, start, count) / -levels);
  const scale = halfToFloat(half);
  if (!Number.isFinite(scale)) throw beyondHalf(largest(values, start, count), levels);
  stored.fill(levels);
  const top = 2 * levels - 1;
  let errorSquares = 0;
  let squares = 0;
  let worst = 0;
  for (let i = 0; i < count; i++) {
    const value = values[start + i];
    if (scale !== 0) {
      // Shifted to positive numbers, where cutting off is rounding: half a step goes up, as with Math.round.
      const code = (value / scale + (levels + 0.5)) | 0;
      stored[i] = Math.min(top, Math.max(0, code));
    }
    const error = Math.abs(value - (stored[i] - levels) * scale);
    if (error > worst) worst = error;
    errorSquares += error * error;
    squares += value * value;
  }
  sums[0] += errorSquares;
  sums[1] += squares;
  // Scales below 2^-14 are f16 subnormals, known only to 2^-25: that part is the format's, not a defect.
  if (scale !== 0) sums[2] = Math.max(sums[2], (worst - levels * 2 ** -25) / Math.abs(scale));
  return half;
}

/** Two codes in a byte, the first in the low half. */
function packNibbles(stored: Uint8Array, codes: Uint8Array, at: number): void {
  for (let i = 0; i < stored.length; i += 2) codes[at++] = stored[i] | (stored[i + 1] << 4);
}

/** The value of largest magnitude, with its sign; the first of equals. */
function largest(values: Float32Array, start: number, count: number): number {
  let most = 0;
  for (let i = start; i < start + count; i++) if (Math.abs(values[i]) > Math.abs(most)) most = values[i];
  return most;
}

function beyondHalf(value: number, levels: number): FlamingoError {
  return new FlamingoError(
    'unsupported',
    `A weight of ${value} needs a scale of ${value / levels}, which f16 cannot hold.`,
    {
      hint: 'Convert with --dtype f32.',
      details: { value, levels },
    },
  );
}
