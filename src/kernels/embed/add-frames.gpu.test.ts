import { addFrames as reference } from '../../reference/embed/add-frames';
import { uniform } from '../../reference/random';
import { describeKernel } from '../../testing/describe-kernel';
import { addFrames } from './add-frames';

const shapes = [
  [1, 1, 1],
  [2, 3, 65],
  [7, 5, 31],
  [3, 1, 200],
];

await describeKernel(
  addFrames,
  Object.fromEntries(
    shapes.map(([frames, patches, cols]) => [
      `[${frames}, ${patches}, ${cols}]`,
      (round) => {
        const size = frames * patches * cols;
        // One frame more than the params say: it must stay as it is.
        const x = round(uniform(size + patches * cols));
        const table = uniform((frames + 1) * cols, -1, 1, 2);
        table.fill(Number.NaN, frames * cols);
        const y = Float64Array.from(x);
        y.set(reference(x.subarray(0, size), table, patches, cols));
        return {
          params: { frames, patches, cols },
          buffers: { x, frames: table },
          elem: ['x'],
          expected: { x: y },
        };
      },
    ]),
  ),
);
