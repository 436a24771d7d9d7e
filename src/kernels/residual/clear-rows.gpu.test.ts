import { uniform } from '../../reference/random';
import { clearRows as reference } from '../../reference/residual/clear-rows';
import { describeKernel } from '../../testing/describe-kernel';
import { clearRows } from './clear-rows';

const shapes = [
  { open: [1], cols: 1 },
  { open: [0, 1, 0, 1, 1], cols: 67 },
  { open: [1, 0], cols: 64 },
];

await describeKernel(
  clearRows,
  Object.fromEntries(
    shapes.map(({ open, cols }) => [
      `open ${open}, [${open.length}, ${cols}]`,
      (round: (values: Float32Array) => Float32Array) => {
        const x = round(uniform(open.length * cols, -2, 2, 1));
        return {
          params: { rows: open.length, cols },
          buffers: { open: Uint32Array.from(open), x },
          elem: ['x'],
          expected: { x: reference(x, open, cols) },
        };
      },
    ]),
  ),
);
