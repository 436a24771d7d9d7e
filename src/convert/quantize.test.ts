import { describe, expect, test } from 'vitest';
import { floatToHalf, halfToFloat } from '../core/half';
import { uniform } from '../reference/random';
import { quantizeRows } from './quantize';

/** The format once more, value by value, from its description in format/tensor-names and quantize.ts. */
function plainly(values: Float32Array, columns: number, levels: number): { codes: number[]; scales: number[] } {
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
        codes.push(Math.min(levels - 1, Math.max(-levels, code)));
      }
    }
  }
  return { codes, scales };
}

const CASES: [string, Float32Array][] = [
  ['uniform', uniform(7 * 70, -1, 1, 3)],
  ['tiny: the scales are f16 subnormals', uniform(7 * 70, -1e-5, 1e-5, 4)],
  ['below all scales', uniform(7 * 70, -1e-9, 1e-9, 5)],
  ['large', uniform(7 * 70, -3e5, 3e5, 6)],
  ['one outlier', Float32Array.from(uniform(7 * 70, -0.01, 0.01, 7), (v, i) => (i % 97 === 0 ? 3 : v))],
  ['exact halves of steps', Float32Array.from({ length: 7 * 70 }, (_, i) => (i % 32 === 0 ? -8 : ((i % 33) - 16) / 2))],
  ['zeros', new Float32Array(7 * 70)],
];

describe.each(['q8', 'q4'] as const)('%s', (type) => {
  const levels = type === 'q8' ? 128 : 8;

  test.each(CASES)('%s: codes and scales are those of the formula', (_, values) => {
    const rows = quantizeRows(values, 70, type);
    const { codes, scales } = plainly(values, 70, levels);
    const stored = [...rows.codes].flatMap((byte) => (type === 'q8' ? [byte] : [byte & 15, byte >> 4]));
    expect(stored.map((code) => code - levels)).toEqual(codes.map((code) => code + 0));
    expect([...rows.scales].map(halfToFloat)).toEqual(scales);
    const blocks = Math.ceil(70 / 32);
    let squares = 0;
    for (const [i, value] of values.entries()) {
      const at = Math.floor(i / 70) * blocks * 32 + (i % 70);
      squares += (value - codes[at] * scales[at >> 5]) ** 2;
    }
    expect(rows.errorSquares).toBeCloseTo(squares, 12 - Math.ceil(Math.log10(Math.max(1, squares))));
    expect(rows.worstSteps).toBeLessThanOrEqual(type === 'q8' ? 1.1 : 1.01);
  });

  test('a block whose scale f16 cannot hold is refused, with both numbers', () => {
    const values = Float32Array.of(1, 1e8);
    expect(() => quantizeRows(values, 2, type)).toThrow(
      expect.objectContaining({ code: 'unsupported', message: expect.stringContaining('100000000') }),
    );
  });
});
