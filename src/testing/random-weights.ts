import { paddedColumns, QUANT_BLOCK, type WeightType } from '../core/dtypes';
import { dequantize } from '../reference/linear/dequantize';
import { randomSource, uniform } from '../reference/random';
import { toHalf } from './half';

/** A random matrix [rows, cols] as stored, values within about 1/sqrt(cols), so that products with it stay near 1. Padding holds random codes; what no weight uses of the last word is NaN. */
export interface StoredMatrix {
  weight: Uint32Array;
  scale: Uint32Array;
  values: Float64Array;
}

export function randomMatrix(type: WeightType, rows: number, cols: number, seed = 1): StoredMatrix {
  const dummy = new Uint32Array(4).fill(0x7fc07fc0);
  const stored: { weight: Uint32Array; scale: Uint32Array } = {
    weight: randomWords(type, rows, cols, seed),
    scale: dummy,
  };
  if (type === 'q8' || type === 'q4') {
    const limit = 1 / Math.sqrt(cols);
    const steps = uniform((rows * paddedColumns(type, cols)) / QUANT_BLOCK, 0.5 * limit, 1.5 * limit, seed + 1);
    stored.scale = halves(steps.map((step) => step / (type === 'q8' ? 128 : 8)));
  }
  return { ...stored, values: dequantize(type, stored.weight, stored.scale, rows, cols) };
}

function randomWords(type: WeightType, rows: number, cols: number, seed: number): Uint32Array {
  const limit = 1 / Math.sqrt(cols);
  const values = () => uniform(rows * cols, -limit, limit, seed);
  if (type === 'f32') return new Uint32Array(values().buffer);
  if (type === 'f16') return halves(values());
  const next = randomSource(seed);
  const codesPerWord = type === 'q8' ? 4 : 8;
  return Uint32Array.from({ length: (rows * paddedColumns(type, cols)) / codesPerWord }, () => next() * 2 ** 32);
}

function halves(values: Float32Array): Uint32Array {
  const padded = new Uint16Array(Math.ceil(values.length / 2) * 2).fill(0x7e00);
  padded.set(Array.from(values, toHalf));
  return new Uint32Array(padded.buffer);
}
