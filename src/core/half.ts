/** Conversions between f32 and the 16-bit float formats, by their bits. */

const view = new DataView(new ArrayBuffer(4));

/** Every f16 code as f32: 65,536 entries make reading a table look-up. */
const HALF_TABLE = Float32Array.from({ length: 65536 }, (_, code) => {
  const sign = code & 0x8000 ? -1 : 1;
  const exponent = (code >>> 10) & 31;
  const fraction = code & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
});

/** f16 code -> its value. */
export function halfToFloat(code: number): number {
  return HALF_TABLE[code];
}

/** f32 -> nearest f16 code, ties to even; beyond 65504 + half a step becomes infinity. */
export function floatToHalf(value: number): number {
  view.setFloat32(0, value);
  const bits = view.getUint32(0);
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // NaN
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // rounds to infinity
  if (magnitude >= 0x38800000) {
    const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
    return sign | ((rounded - 0x38000000) >>> 13);
  }
  return sign | roundToEven(Math.abs(Math.fround(value)) * 2 ** 24); // subnormal: a multiple of 2^-24
}

/** Values of f16 codes. */
export function halvesToFloats(codes: Uint16Array): Float32Array<ArrayBuffer> {
  const values = new Float32Array(codes.length);
  for (let i = 0; i < codes.length; i++) values[i] = HALF_TABLE[codes[i]];
  return values;
}

/** Nearest f16 codes of many values: floatToHalf without a call for all but the smallest and the largest. */
export function floatsToHalves(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const codes = new Uint16Array(values.length);
  for (let i = 0; i < codes.length; i++) {
    const magnitude = bits[i] & 0x7fffffff;
    if (magnitude >= 0x38800000 && magnitude < 0x477ff000) {
      const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
      codes[i] = ((bits[i] >>> 16) & 0x8000) | ((rounded - 0x38000000) >>> 13);
    } else codes[i] = floatToHalf(values[i]);
  }
  return codes;
}

/** Values of bf16 codes: the upper half of an f32. */
export function bfloatsToFloats(codes: Uint16Array): Float32Array<ArrayBuffer> {
  const bits = new Uint32Array(codes.length);
  for (let i = 0; i < codes.length; i++) bits[i] = codes[i] << 16;
  return new Float32Array(bits.buffer);
}

/** The nearest bf16 value of an f32, ties to even. */
export function roundToBfloat(value: number): number {
  view.setFloat32(0, value);
  const bits = view.getUint32(0);
  view.setUint32(0, (bits + 0x7fff + ((bits >>> 16) & 1)) & 0xffff0000);
  return view.getFloat32(0);
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return floor + (rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? 1 : 0);
}
