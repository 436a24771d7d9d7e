import { mediaCross as reference } from '../../reference/attention/media-cross';
import { describeKernel } from '../../testing/describe-kernel';
import { mediaCase, mediaShapes } from '../../testing/media-case';
import { mediaCross } from './media-cross';

await describeKernel(
  mediaCross,
  Object.fromEntries(
    mediaShapes.map((shape) => [
      JSON.stringify(shape),
      (round: (values: Float32Array) => Float32Array) => {
        const { q, index, keys, values, sizes } = mediaCase(shape, round);
        return {
          params: sizes,
          buffers: { q, media_index: index, keys, values, y: q.length },
          elem: ['q', 'keys', 'values', 'y'],
          expected: { y: reference(q, index, keys, values, sizes) },
        };
      },
    ]),
  ),
);
