import { bicubicTable } from '../../core/resample';
import { resizeRows as reference } from '../../reference/image/resize';
import { randomSource } from '../../reference/random';
import { describeKernel } from '../../testing/describe-kernel';
import { resize } from './resize';

const shapes = [
  [1, 1, 1],
  [3, 40, 17],
  [2, 5, 33],
  [5, 301, 224],
];

const bytes = (count: number) => {
  const next = randomSource(count);
  return Uint8Array.from({ length: count }, () => Math.floor(next() * 256));
};
const words = (pixels: ArrayLike<number>) => new Uint32Array(Uint8Array.from(pixels).buffer);
/** Swaps lines and places of pixels. */
const turned = (pixels: ArrayLike<number>, lines: number, length: number) =>
  Array.from({ length: lines * length * 4 }, (_, i) => {
    const [place, line, c] = [Math.floor(i / (4 * lines)), Math.floor(i / 4) % lines, i % 4];
    return pixels[(line * length + place) * 4 + c];
  });

await describeKernel(
  resize,
  Object.fromEntries(
    shapes.flatMap(([lines, inputs, outputs]) =>
      [0, 1].map((AXIS) => [
        `${lines} lines, ${inputs} to ${outputs}, axis ${AXIS}`,
        () => {
          const pixels = bytes(lines * inputs * 4);
          const table = bicubicTable(inputs, outputs);
          const want = reference(pixels, inputs, outputs, table);
          const { taps, starts, counts, coefficients } = table;
          return {
            params: { lines, inputs, outputs, taps },
            overrides: { AXIS },
            buffers: {
              x: words(AXIS === 0 ? pixels : turned(pixels, lines, inputs)),
              starts,
              counts,
              coefficients,
              y: new Uint32Array(lines * outputs),
            },
            expected: { y: words(AXIS === 0 ? want : turned(want, lines, outputs)) },
          };
        },
      ]),
    ),
  ),
  { f16: false },
);
