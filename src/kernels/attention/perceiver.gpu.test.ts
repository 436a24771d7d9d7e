import { perceiver as reference } from '../../reference/attention/perceiver';
import { uniform } from '../../reference/random';
import { describeKernel } from '../../testing/describe-kernel';
import { perceiver } from './perceiver';

const shapes = [
  { latents: 1, media: 0, heads: 1, d: 1 },
  { latents: 5, media: 7, heads: 3, d: 12 },
  { latents: 7, media: 49, heads: 2, d: 33 },
  { latents: 4, media: 130, heads: 1, d: 256 },
];

await describeKernel(
  perceiver,
  Object.fromEntries(
    shapes.map((shape) => [
      JSON.stringify(shape),
      (round: (values: Float32Array) => Float32Array) => {
        const { latents, media, heads, d } = shape;
        const q = round(uniform(latents * heads * d, -2, 2, 1));
        const rows = (count: number, seed: number) => round(uniform(Math.max(1, count) * 2 * heads * d, -2, 2, seed));
        const [mediaKv, latentKv] = [rows(media, 2), rows(latents, 3)];
        if (media === 0) mediaKv.fill(Number.NaN);
        const sizes = { ...shape, scale: d ** -0.5 };
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
