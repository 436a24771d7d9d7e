import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bfloatsToFloats, floatsToHalves, floatToHalf, halfToFloat, halvesToFloats } from './half';

const CODES = Array.from({ length: 65536 }, (_, code) => code);
const isNaNCode = (code: number) => (code & 0x7c00) === 0x7c00 && (code & 0x3ff) !== 0;

/** IEEE 754 binary16 by its definition, for one code. */
function byDefinition(code: number): number {
  const sign = code & 0x8000 ? -1 : 1;
  const [exponent, fraction] = [(code >> 10) & 31, code & 1023];
  if (exponent === 0) return sign * (fraction / 1024) * 2 ** -14;
  if (exponent < 31) return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  return fraction === 0 ? sign * Infinity : Number.NaN;
}

describe('f16', () => {
  it('reads all 65,536 codes', () => {
    const values = halvesToFloats(Uint16Array.from(CODES));
    for (const code of CODES) {
      if (!Object.is(values[code], byDefinition(code))) expect(values[code], `code ${code}`).toBe(byDefinition(code));
      if (!Object.is(halfToFloat(code), values[code])) expect(halfToFloat(code), `code ${code}`).toBe(values[code]);
    }
  });

  it('writes every value back as its own code', () => {
    for (const code of CODES.filter((code) => !isNaNCode(code))) {
      if (floatToHalf(halfToFloat(code)) !== code) expect(floatToHalf(halfToFloat(code)), `code ${code}`).toBe(code);
    }
    expect(isNaNCode(floatToHalf(Number.NaN))).toBe(true);
  });

  it('writes many values as it writes one', () => {
    const edges = [
      0x387fffff, 0x38800000, 0x38801000, 0x38801001, 0x477fefff, 0x477ff000, 0x7f800000, 0x7fc00000, 1, 0,
    ];
    const bits = Uint32Array.from([...edges, ...edges.map((edge) => edge + 0x80000000)]);
    const values = [...new Float32Array(bits.buffer), ...CODES.map((code) => halfToFloat(code) * 1.00073), 1e-7, -3e-6];
    const all = Float32Array.from(values);
    expect([...floatsToHalves(all)]).toEqual(Array.from(all, floatToHalf));
  });

  it('rounds what lies between two neighbours to the nearer, halves to the even code', () => {
    for (let code = 0; code < 0x7bff; code++) {
      const [low, high] = [halfToFloat(code), halfToFloat(code + 1)];
      const middle = (low + high) / 2; // exact in f32: one bit more than f16
      const below = low + (high - low) * 0.498;
      const above = low + (high - low) * 0.502;
      const got = [below, middle, above, -middle].map(floatToHalf);
      const even = code % 2 === 0 ? code : code + 1;
      const expected = [code, even, code + 1, even | 0x8000];
      if (got.some((value, i) => value !== expected[i])) expect(got, `between ${low} and ${high}`).toEqual(expected);
    }
  });

  it.each([
    [65504, 0x7bff],
    [65519.996, 0x7bff],
    [65520, 0x7c00],
    [1e30, 0x7c00],
    [-Infinity, 0xfc00],
    [2 ** -25, 0],
    [2 ** -25 * 1.001, 1],
    [-0, 0x8000],
  ])('%d becomes code %d', (value, code) => expect(floatToHalf(value)).toBe(code));

  it('never has a nearer code', () => {
    fc.assert(
      fc.property(fc.float({ min: -65504, max: 65504, noNaN: true }), (value) => {
        const code = floatToHalf(value);
        const distance = (other: number) => Math.abs(halfToFloat(other) - value);
        for (const other of [code - 1, code + 1]) {
          if (other >= 0 && other < 65536 && Number.isFinite(halfToFloat(other)))
            expect(distance(code)).toBeLessThanOrEqual(distance(other));
        }
      }),
    );
  });
});

describe('bf16', () => {
  it('is the upper half of an f32, for all 65,536 codes', () => {
    const values = bfloatsToFloats(Uint16Array.from(CODES));
    const view = new DataView(new ArrayBuffer(4));
    for (const code of CODES) {
      view.setUint32(0, code * 65536);
      if (!Object.is(values[code], view.getFloat32(0))) expect(values[code], `code ${code}`).toBe(view.getFloat32(0));
    }
  });
});
