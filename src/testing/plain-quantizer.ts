import { floatToHalf, halfToFloat } from '../core/half';

/** Codes (centred on 0) and scales of rows, block by block of 32; rows are padded with zeros. */
export interface PlainCodes {
  codes: number[];
  scales: number[];
}

/**
 * The format once more, value by value, from its description in format/tensor-names and convert/quantize: the scale puts the value of largest magnitude (the
 * first of equals) on the code -levels; it is rounded to f16; halves go up.
 */
export function quantizePlainly(values: ArrayLike<number>, columns: number, levels: number): PlainCodes {
  const codes: number[] = [];
  const scales: number[] = [];
  for (let row = 0; row < values.length; row += columns) {
    for (let at = row; at < row + columns; at += 32) {
      const block = Array.from({ length: 32 }, (_, i) => (at + i < row + columns ? values[at + i] : 0));
      const most = block.reduce((best, value) => (Math.abs(value) > Math.abs(best) ? value : best), 0);
      const scale = halfToFloat(floatToHalf(most / -levels));
      scales.push(scale);
      for (const value of block) {
        const code = scale === 0 ? 0 : Math.round(value / scale);
        codes.push(Math.min(levels - 1, Math.max(-levels, code)) + 0); // + 0: no negative zero
      }
    }
  }
  return { codes, scales };
}
