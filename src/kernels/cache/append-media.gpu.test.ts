import { appendMedia as reference } from '../../reference/cache/append-media';
import { uniform } from '../../reference/random';
import { describeKernel } from '../../testing/describe-kernel';
import { appendMedia } from './append-media';

const shapes = [
  { n: 1, heads: 1, d: 1, slot: 0 },
  { n: 5, heads: 3, d: 12, slot: 1 },
  { n: 3, heads: 2, d: 67, slot: 2 },
];

await describeKernel(
  appendMedia,
  Object.fromEntries(
    shapes.map((shape) => [
      JSON.stringify(shape),
      (round: (values: Float32Array) => Float32Array) => {
        const { n, heads, d, slot } = shape;
        const one = heads * n * d;
        const kv = round(uniform(2 * one, -2, 2, 1));
        const before = round(uniform(3 * one, -2, 2, 2));
        const want = reference(kv, shape);
        const placed = (values: Float64Array) => {
          const all = Float64Array.from(before);
          all.set(values, slot * one);
          return all; // the other slots stay as they were
        };
        return {
          params: shape,
          buffers: { kv, keys: before, values: before },
          elem: ['kv', 'keys', 'values'],
          expected: { keys: placed(want.keys), values: placed(want.values) },
        };
      },
    ]),
  ),
);
