import { perceiver as reference } from '../../reference/attention/perceiver';
import { describeKernel } from '../../testing/describe-kernel';
import { perceiverCase, perceiverShapes } from '../../testing/perceiver-case';
import { perceiver } from './perceiver';

await describeKernel(
  perceiver,
  Object.fromEntries(
    perceiverShapes.map((shape) => [
      JSON.stringify(shape),
      (round: (values: Float32Array) => Float32Array) => {
        const { q, mediaKv, latentKv, sizes } = perceiverCase(shape, round);
        return {
          params: sizes,
          buffers: { q, media_kv: mediaKv, latent_kv: latentKv, y: q.length },
          elem: ['q', 'media_kv', 'latent_kv', 'y'],
          expected: { y: reference(q, mediaKv, latentKv, sizes) },
        };
      },
    ]),
  ),
);
