import type { WeightType } from '../core/dtypes';
import type { Activation } from '../format/config';
import { activationCode, NORM_CODE, RESIDUAL_CODE, STORAGE_CODE } from '../kernels/linear/epilogue';
import type { LinearEpilogue } from '../reference/linear/matmul';
import { matvec } from '../reference/linear/matvec';
import { uniform } from '../reference/random';
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

/** A pipeline of linear/matvec or linear/matvec-blocks. */
export interface MatvecKind extends LinearKind {
  norm?: { kind: 'layer' | 'rms'; bias: boolean };
  WG: number;
  LANES: number;
}

export type MatvecShape = readonly [rows: number, first: number, outputs: number, cols: number];

/** A case of linear/matvec or linear/matvec-blocks; the rows of x that it must not read are NaN. */
export function matvecCase(
  kind: MatvecKind,
  [rows, first, outputs, cols]: MatvecShape,
  round: (values: Float32Array) => Float32Array,
) {
  const { buffers, overrides, values, epilogue, expect } = linearCase(kind, { rows, outputs, cols }, round);
  const x = round(uniform((first + rows + 1) * cols, -1, 1.5, 9));
  x.fill(Number.NaN, 0, first * cols).fill(Number.NaN, (first + rows) * cols);
  const weight = uniform(cols, 0, 2, 10);
  const bias = kind.norm?.bias ? uniform(cols, -1, 1, 11) : undefined;
  const norm = kind.norm && { kind: kind.norm.kind, weight, bias, eps: 1e-5 };
  const packed = norm ? [...weight, ...(bias ?? [])] : [];
  return {
    params: { rows, first, outputs, cols, eps: 1e-5 },
    buffers: { ...buffers, x, norm: Float32Array.of(...packed, ...UNUSED) },
    overrides: {
      ...overrides,
      WG: kind.WG,
      LANES: kind.LANES,
      NORM: NORM_CODE[kind.norm?.kind ?? 'none'],
      NORM_BIAS: Number(bias !== undefined),
    },
    elem: ['x', 'y'] as const,
    expected: { y: expect(matvec(x, values, cols, { ...epilogue, rows, first, norm })) },
  };
}

/** Every kind with every shape, named. */
export function matvecCases(kinds: readonly MatvecKind[], shapes: readonly MatvecShape[]) {
  return Object.fromEntries(
    kinds.flatMap((kind) =>
      shapes.map((shape) => [
        `${kindName(kind)}, rows ${shape[0]} from ${shape[1]}, [${shape[2]}, ${shape[3]}]`,
        (round: (values: Float32Array) => Float32Array) => matvecCase(kind, shape, round),
      ]),
    ),
  );
}

function kindName({ storage, norm, bias, activation, pair, residual, WG, LANES }: MatvecKind): string {
  const normed = norm && `${norm.kind} norm${norm.bias ? ' with bias' : ''}`;
  const parts = [storage, normed, bias && 'bias', activation, pair && 'pair', residual, `${LANES} of ${WG} lanes`];
  return parts.filter(Boolean).join(' ');
}
