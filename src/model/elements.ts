import { floatToHalf, halfToFloat } from '../core/half';

/** f32 values as the engine's activation type. */
export function toElements(
  values: Float32Array,
  elem: 'f32' | 'f16',
): { buffer: ArrayBuffer; byteOffset: number; byteLength: number } {
  const array = elem === 'f16' ? Uint16Array.from(values, floatToHalf) : values;
  return { buffer: array.buffer as ArrayBuffer, byteOffset: array.byteOffset, byteLength: array.byteLength };
}

/** Activations that were read back, as f32. */
export function toFloats(bytes: ArrayBuffer, elem: 'f32' | 'f16'): Float32Array<ArrayBuffer> {
  return elem === 'f16' ? Float32Array.from(new Uint16Array(bytes), halfToFloat) : new Float32Array(bytes);
}
