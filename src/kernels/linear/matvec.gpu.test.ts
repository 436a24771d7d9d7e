import { matvec as reference } from '../../reference/linear/matvec';
import { describeKernel } from '../../testing/describe-kernel';
import { type LinearKind, linearCase } from '../../testing/linear-case';
import { uniform } from '../../testing/random';
import { NORM_CODE } from './epilogue';
import { matvec } from './matvec';

interface Kind extends LinearKind {
  norm?: { kind: 'layer' | 'rms'; bias: boolean };
  lanes: readonly [WG: number, LANES: number, OUTPUTS: number];
}

const layer = (bias: boolean) => ({ kind: 'layer' as const, bias });
const rms = (bias: boolean) => ({ kind: 'rms' as const, bias });

// Each kind is a pipeline: storages, activations, residuals, norms and team shapes meet pairwise, not in every combination.
const kinds: Kind[] = [
  { storage: 'f32', activation: 'none', residual: 'none', lanes: [64, 64, 4] },
  { storage: 'f16', activation: 'gelu', residual: 'add', bias: true, norm: layer(true), lanes: [64, 64, 4] },
  { storage: 'q8', activation: 'gelu-tanh', residual: 'scalar', norm: rms(false), lanes: [64, 8, 1] },
  { storage: 'q4', activation: 'quick-gelu', residual: 'vector', bias: true, norm: layer(false), lanes: [32, 4, 2] },
  { storage: 'q4', activation: 'silu', residual: 'none', pair: true, norm: rms(true), lanes: [64, 32, 2] },
  { storage: 'f16', activation: 'gelu', residual: 'vector', pair: true, lanes: [64, 1, 1] },
  { storage: 'f32', activation: 'relu', residual: 'scalar', norm: layer(true), lanes: [128, 16, 4] },
  { storage: 'q8', activation: 'relu2', residual: 'add', bias: true, pair: true, lanes: [32, 1, 4] },
];

// [rows, first, outputs, cols]
const shapes = [
  [1, 0, 1, 1],
  [1, 2, 1, 31],
  [2, 1, 3, 32],
  [3, 0, 5, 33],
  [1, 0, 67, 7],
  [4, 3, 13, 100],
  [1, 1, 131, 257],
  [70, 0, 2, 66],
  [1, 0, 9, 2048],
] as const;

const cases = kinds.flatMap((kind) => shapes.map((shape) => ({ kind, shape })));

function name({ kind: { storage, activation, residual, norm, bias, pair, lanes }, shape }: (typeof cases)[number]) {
  const parts = [storage, norm?.kind, norm?.bias && 'norm bias', bias && 'bias', activation, pair && 'pair', residual];
  return `${parts.filter(Boolean).join(' ')} by ${lanes}, rows ${shape[0]} from ${shape[1]}, [${shape[2]}, ${shape[3]}]`;
}

await describeKernel(
  matvec,
  Object.fromEntries(
    cases.map((test) => [
      name(test),
      (round) => {
        const { kind, shape } = test;
        const [rows, first, outputs, cols] = shape;
        const [WG, LANES, OUTPUTS] = kind.lanes;
        const { buffers, overrides, values, epilogue, expect } = linearCase(kind, { rows, outputs, cols }, round);
        const x = round(uniform((first + rows + 1) * cols, -1, 1.5, 9));
        x.fill(Number.NaN, 0, first * cols).fill(Number.NaN, (first + rows) * cols);
        const weight = uniform(cols, 0, 2, 10);
        const bias = kind.norm?.bias ? uniform(cols, -1, 1, 11) : undefined;
        const norm = kind.norm && { kind: kind.norm.kind, weight, bias, eps: 1e-5 };
        return {
          params: { rows, first, outputs, cols, eps: 1e-5 },
          buffers: { ...buffers, x, norm: Float32Array.of(...(norm ? [...weight, ...(bias ?? [])] : []), Number.NaN) },
          overrides: {
            ...overrides,
            WG,
            LANES,
            OUTPUTS,
            NORM: NORM_CODE[kind.norm?.kind ?? 'none'],
            NORM_BIAS: Number(bias !== undefined),
          },
          elem: ['x', 'y'],
          expected: { y: expect(reference(x, values, cols, { ...epilogue, rows, first, norm })) },
        };
      },
    ]),
  ),
);
