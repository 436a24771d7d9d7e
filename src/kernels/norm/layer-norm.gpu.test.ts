import { layerNorm as reference } from '../../reference/norm/layer-norm';
import { uniform } from '../../reference/random';
import { describeKernel } from '../../testing/describe-kernel';
import { layerNorm } from './layer-norm';

const shapes = [
  [1, 1],
  [3, 5],
  [7, 257],
  [2, 1000],
];
const regimes = {
  uniform: (n: number) => uniform(n),
  'large mean': (n: number) => uniform(n, 1000, 1001),
  outlier: (n: number) => uniform(n).map((value, i) => (i === 0 ? 1e4 : value)),
};

const cases = shapes.flatMap(([rows, cols]) =>
  Object.entries(regimes).flatMap(([regime, make]) =>
    [32, 64, 256].map((WG) => ({
      name: `[${rows}, ${cols}] ${regime} WG ${WG}`,
      rows,
      cols,
      make,
      WG,
      HAS_BIAS: WG === 32 ? 0 : 1,
    })),
  ),
);

await describeKernel(
  layerNorm,
  Object.fromEntries(
    cases.map(({ name, rows, cols, make, WG, HAS_BIAS }) => [
      name,
      (round) => {
        const x = round(make(rows * cols));
        const weight = uniform(cols, 0, 2, 2);
        const bias = uniform(cols, -1, 1, 3);
        return {
          params: { rows, cols, eps: 1e-5 },
          buffers: { x, norm: Float32Array.from(HAS_BIAS ? [...weight, ...bias] : weight), y: rows * cols },
          overrides: { WG, HAS_BIAS },
          elem: ['x', 'y'],
          expected: { y: reference(x, weight, HAS_BIAS ? bias : undefined, cols, 1e-5) },
        };
      },
    ]),
  ),
);
