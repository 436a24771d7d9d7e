import type { PerceiverSizes } from '../reference/attention/perceiver';
import { uniform } from '../reference/random';

/** No media at all, few keys, more keys than a tile or a workgroup takes, heads of the largest size. */
export const perceiverShapes = [
  { latents: 1, media: 0, heads: 1, d: 1 },
  { latents: 5, media: 7, heads: 3, d: 12 },
  { latents: 7, media: 49, heads: 2, d: 33 },
  { latents: 4, media: 130, heads: 1, d: 256 },
];

/** Queries of the latents, keys and values of media and latents. Media that are not there are NaN. */
export function perceiverCase(
  shape: (typeof perceiverShapes)[number],
  round: (values: Float32Array) => Float32Array,
): { q: Float32Array; mediaKv: Float32Array; latentKv: Float32Array; sizes: PerceiverSizes & Record<string, number> } {
  const { latents, media, heads, d } = shape;
  const q = round(uniform(latents * heads * d, -2, 2, 1));
  const rows = (count: number, seed: number) => round(uniform(Math.max(1, count) * 2 * heads * d, -2, 2, seed));
  const [mediaKv, latentKv] = [rows(media, 2), rows(latents, 3)];
  if (media === 0) mediaKv.fill(Number.NaN);
  return { q, mediaKv, latentKv, sizes: { ...shape, scale: d ** -0.5 } };
}
