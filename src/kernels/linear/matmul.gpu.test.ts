import { matmul as reference } from '../../reference/linear/matmul';
import { uniform } from '../../reference/random';
import { describeKernel } from '../../testing/describe-kernel';
import { type LinearKind, linearCase } from '../../testing/linear-case';
import { matmul } from './matmul';

interface Kind extends LinearKind {
  tile: readonly [TILE_ROWS: number, TILE_OUTPUTS: number];
}

const kinds: Kind[] = [
  { storage: 'f32', activation: 'quick-gelu', residual: 'vector', bias: true, tile: [32, 32] },
  { storage: 'f16', activation: 'none', residual: 'none', tile: [16, 32] },
  { storage: 'q8', activation: 'silu', residual: 'add', pair: true, tile: [16, 16] },
  { storage: 'q4', activation: 'gelu', residual: 'scalar', bias: true, tile: [32, 32] },
];

// [rows, outputs, cols]
const shapes = [
  [1, 1, 1],
  [2, 31, 3],
  [17, 5, 33],
  [31, 33, 32],
  [33, 16, 64],
  [70, 37, 47],
  [5, 67, 130],
  [3, 2, 1000],
] as const;

const cases = kinds.flatMap((kind) => shapes.map((shape) => ({ kind, shape })));

function name({ kind: { storage, activation, residual, bias, pair, tile }, shape }: (typeof cases)[number]) {
  const parts = [storage, bias && 'bias', activation, pair && 'pair', residual];
  return `${parts.filter(Boolean).join(' ')} by ${tile}, rows ${shape[0]}, [${shape[1]}, ${shape[2]}]`;
}

await describeKernel(
  matmul,
  Object.fromEntries(
    cases.map((test) => [
      name(test),
      (round) => {
        const { kind, shape } = test;
        const [rows, outputs, cols] = shape;
        const [TILE_ROWS, TILE_OUTPUTS] = kind.tile;
        const { buffers, overrides, values, epilogue, expect } = linearCase(kind, { rows, outputs, cols }, round);
        const x = round(uniform((rows + 1) * cols, -1, 1.5, 9));
        x.fill(Number.NaN, rows * cols);
        return {
          params: { rows, outputs, cols },
          buffers: { ...buffers, x },
          overrides: { ...overrides, TILE_ROWS, TILE_OUTPUTS },
          elem: ['x', 'y'],
          expected: { y: expect(reference(x.subarray(0, rows * cols), values, cols, epilogue)) },
        };
      },
    ]),
  ),
);
