import { rmsNorm as reference } from '../../reference/norm/rms-norm';
import { uniform } from '../../reference/random';
import { describeKernel } from '../../testing/describe-kernel';
import { rmsNorm } from './rms-norm';

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
  zero: (n: number) => new Float32Array(n),
};

const cases = shapes.flatMap(([rows, cols]) =>
  Object.entries(regimes).flatMap(([regime, make]) =>
    [32, 128].map((WG) => ({ name: `[${rows}, ${cols}] ${regime} WG ${WG}`, rows, cols, make, WG })),
  ),
);

await describeKernel(
  rmsNorm,
  Object.fromEntries(
    cases.map(({ name, rows, cols, make, WG }) => [
      name,
      (round) => {
        const x = round(make(rows * cols));
        const weight = uniform(cols, 0, 2, 2);
        return {
          params: { rows, cols, eps: 1e-5 },
          buffers: { x, weight, y: rows * cols },
          overrides: { WG },
          elem: ['x', 'y'],
          expected: { y: reference(x, weight, cols, 1e-5) },
        };
      },
    ]),
  ),
);
