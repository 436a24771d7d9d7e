import { mediaProbabilities as reference } from '../../reference/attention/media-probabilities';
import { describeKernel } from '../../testing/describe-kernel';
import { mediaCase, mediaShapes } from '../../testing/media-case';
import { mediaProbabilities } from './media-probabilities';

await describeKernel(
  mediaProbabilities,
  Object.fromEntries(
    mediaShapes.map((shape) => [
      JSON.stringify(shape),
      (round: (values: Float32Array) => Float32Array) => {
        const { q, index, keys, sizes } = mediaCase(shape, round);
        const { heads, rows, n } = sizes;
        return {
          params: sizes,
          buffers: { q, media_index: index, keys, probabilities: heads * rows * n },
          elem: ['q', 'keys', 'probabilities'],
          expected: { probabilities: reference(q, index, keys, sizes) },
        };
      },
    ]),
  ),
);
