import { addFrames as reference } from '../../reference/embed/add-frames';
import { uniform } from '../../reference/random';
import { describeKernel } from '../../testing/describe-kernel';
import numpy from '../../testing/numpy-interp.json';
import { addFrames } from './add-frames';

/** Frames, patches, columns, rows of the table: as many rows as frames, more, fewer (30 from 8 is the paper's), one. */
const shapes = [
  [1, 1, 1, 1],
  [2, 3, 65, 8],
  [7, 5, 31, 7],
  [3, 1, 200, 4],
  [30, 2, 33, 8],
  [9, 2, 65, 8],
  [5, 1, 3, 1],
];

const random = Object.fromEntries(
  shapes.map(([frames, patches, cols, rows]) => [
    `[${frames}, ${patches}, ${cols}] from ${rows}`,
    (round: (values: Float32Array) => Float32Array) => {
      const size = frames * patches * cols;
      // One frame more than the params say: it must stay as it is. One row more than the table has: it must not be read.
      const x = round(uniform(size + patches * cols));
      const table = uniform((rows + 1) * cols, -1, 1, 2);
      table.fill(Number.NaN, Math.min(frames, rows) * cols);
      const y = Float64Array.from(x);
      y.set(reference(x.subarray(0, size), table, patches, cols, rows));
      return {
        params: { frames, patches, cols, rows },
        buffers: { x, table },
        elem: ['x' as const],
        expected: { x: y },
      };
    },
  ]),
);

/** What numpy.interp gave, added to nothing. */
const numpyCases = Object.fromEntries(
  numpy.cases.map(({ frames, rows, cols, table, expected }) => [
    `${frames} from ${rows} as numpy.interp`,
    () => ({
      params: { frames, patches: 1, cols, rows },
      buffers: { x: new Float32Array(frames * cols), table: Float32Array.from(table) },
      elem: ['x' as const],
      expected: { x: expected },
    }),
  ]),
);

await describeKernel(addFrames, { ...random, ...numpyCases });
