import { mediaRangeProbabilities as reference } from '../../reference/attention/media-range-probabilities';
import { describeKernel } from '../../testing/describe-kernel';
import { rangeCase, rangeShapes } from '../../testing/range-case';
import { mediaRangeProbabilities } from './media-range-probabilities';

await describeKernel(
  mediaRangeProbabilities,
  Object.fromEntries(
    rangeShapes.map((shape) => [
      JSON.stringify(shape),
      (round: (values: Float32Array) => Float32Array) => {
        const { q, ranges, media, keys, sizes } = rangeCase(shape, round);
        const { rows, heads, kvHeads: kv_heads, d, n, count, scale } = sizes;
        return {
          params: { rows, heads, kv_heads, d, n, count, scale },
          buffers: { q, ranges, media, keys, probabilities: heads * rows * count * n },
          elem: ['q', 'keys', 'probabilities'],
          expected: { probabilities: reference(q, ranges, media, keys, sizes) },
        };
      },
    ]),
  ),
);
