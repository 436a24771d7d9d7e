import type { WeightType } from '../core/dtypes';
import type { Activation } from '../format/config';
import { activationCode, RESIDUAL_CODE, STORAGE_CODE } from '../kernels/linear/epilogue';
import type { LinearEpilogue } from '../reference/linear/matmul';
import { uniform } from './random';
import { randomMatrix, type StoredMatrix } from './random-weights';

/** The kind of a linear layer: what chooses its pipeline. */
export interface LinearKind {
  storage: WeightType;
  activation: Activation;
  residual: keyof typeof RESIDUAL_CODE;
  bias?: boolean;
  pair?: boolean;
}

/** What a row of y beyond `rows` holds before and after. */
const UNTOUCHED = 123;
const UNUSED = new Float32Array(4).fill(Number.NaN);

/** The inputs that linear/matvec and linear/matmul share for y [rows, outputs], with one row more in y that must stay as it is. */
export function linearCase(
  { storage, activation, residual, bias = false, pair = false }: LinearKind,
  { rows, outputs, cols }: { rows: number; outputs: number; cols: number },
  round: (values: Float32Array) => Float32Array,
) {
  const all = pair ? 2 * outputs : outputs;
  const matrix: StoredMatrix = randomMatrix(storage, all, cols, 5);
  const biases = bias ? uniform(all, -1, 1, 6) : undefined;
  const gate = { none: UNUSED, add: UNUSED, scalar: Float32Array.of(-0.75), vector: uniform(outputs, -1, 1, 7) }[
    residual
  ];
  const before = round(
    residual === 'none' ? new Float32Array(rows * outputs).fill(Number.NaN) : uniform(rows * outputs, -2, 2, 8),
  );
  const below = new Float32Array(outputs).fill(UNTOUCHED);
  const epilogue: LinearEpilogue = { bias: biases, activation, pair };
  if (residual !== 'none') epilogue.residual = { y: before, gate: residual === 'add' ? 1 : gate };
  return {
    buffers: {
      weight: matrix.weight,
      scale: matrix.scale,
      bias: biases ?? UNUSED,
      gate,
      y: Float32Array.of(...before, ...below),
    },
    overrides: {
      STORAGE: STORAGE_CODE[storage],
      HAS_BIAS: Number(bias),
      ACTIVATION: activationCode(activation),
      PAIR: Number(pair),
      RESIDUAL: RESIDUAL_CODE[residual],
    },
    values: matrix.values,
    epilogue,
    /** y as it must come out, the untouched row included. */
    expect: (y: Float64Array) => Float64Array.of(...y, ...below),
  };
}
