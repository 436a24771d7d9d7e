import { mediaRange as reference } from '../../reference/attention/media-range';
import { describeKernel } from '../../testing/describe-kernel';
import { rangeCase, rangeShapes } from '../../testing/range-case';
import { mediaRange } from './media-range';

await describeKernel(
  mediaRange,
  Object.fromEntries(
    rangeShapes.map((shape) => [
      JSON.stringify(shape),
      (round: (values: Float32Array) => Float32Array) => {
        const { q, ranges, media, keys, values, sizes } = rangeCase(shape, round);
        const { rows, heads, kvHeads: kv_heads, d, n, scale } = sizes;
        return {
          params: { rows, heads, kv_heads, d, n, scale },
          buffers: { q, ranges, media, keys, values, y: q.length },
          elem: ['q', 'keys', 'values', 'y'],
          expected: { y: reference(q, ranges, media, keys, values, sizes) },
        };
      },
    ]),
  ),
);
