import { headNorm as reference } from '../../reference/norm/head-norm';
import { uniform } from '../../reference/random';
import { describeKernel } from '../../testing/describe-kernel';
import { headNorm } from './head-norm';

const shapes = [
  { rows: 1, heads: 1, d: 1, stride: 1 },
  { rows: 3, heads: 4, d: 12, stride: 96 }, // keys, then values, which stay
  { rows: 2, heads: 3, d: 67, stride: 201 },
];
const regimes = {
  uniform: (n: number) => uniform(n, -2, 2, 1),
  'large mean': (n: number) => uniform(n, 1000, 1001, 1),
};
const kinds = [
  { kind: 'layer', NORM: 1, HAS_BIAS: 1 },
  { kind: 'rms', NORM: 2, HAS_BIAS: 0 },
] as const;

const cases = shapes.flatMap((shape) =>
  kinds.flatMap((norm) => Object.entries(regimes).map(([regime, make]) => ({ ...norm, shape, regime, make }))),
);

await describeKernel(
  headNorm,
  Object.fromEntries(
    cases.map(({ kind, NORM, HAS_BIAS, shape, regime, make }) => [
      `${kind} ${JSON.stringify(shape)} ${regime}`,
      (round) => {
        const x = round(make(shape.rows * shape.stride));
        const [weight, bias] = [uniform(shape.d, 0, 2, 2), uniform(shape.d, -1, 1, 3)];
        const params = { ...shape, eps: 1e-5 };
        return {
          params,
          buffers: { norm: HAS_BIAS ? Float32Array.from([...weight, ...bias]) : weight, x },
          overrides: { NORM, HAS_BIAS },
          elem: ['x'],
          expected: { x: reference(x, params, kind, weight, HAS_BIAS ? bias : undefined) },
        };
      },
    ]),
  ),
);
