import { perceiverProbabilities as reference } from '../../reference/attention/perceiver-probabilities';
import { describeKernel } from '../../testing/describe-kernel';
import { perceiverCase, perceiverShapes } from '../../testing/perceiver-case';
import { perceiverProbabilities } from './perceiver-probabilities';

await describeKernel(
  perceiverProbabilities,
  Object.fromEntries(
    perceiverShapes.map((shape) => [
      JSON.stringify(shape),
      (round: (values: Float32Array) => Float32Array) => {
        const { q, mediaKv, latentKv, sizes } = perceiverCase(shape, round);
        const { heads, latents, media } = sizes;
        return {
          params: sizes,
          buffers: { q, media_kv: mediaKv, latent_kv: latentKv, probabilities: heads * latents * (media + latents) },
          elem: ['q', 'media_kv', 'latent_kv'],
          expected: { probabilities: reference(q, mediaKv, latentKv, sizes) },
        };
      },
    ]),
  ),
);
