import { describe, expect, test } from 'vitest';
import { halfToFloat } from '../core/half';
import { uniform } from '../reference/random';
import { quantizePlainly } from '../testing/plain-quantizer';
import { quantizeRows } from './quantize';

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
    const { codes, scales } = quantizePlainly(values, 70, levels);
    const stored = [...rows.codes].flatMap((byte) => (type === 'q8' ? [byte] : [byte & 15, byte >> 4]));
    expect(stored.map((code) => code - levels)).toEqual(codes);
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
