import { attend, dot, vector } from './attend';

export interface PerceiverSizes {
  latents: number;
  media: number;
  heads: number;
  d: number;
  scale: number;
}

/** f64 reference for attention/perceiver. q [latents, heads * d]; mediaKv [media, 2 * heads * d], latentKv [latents, 2 * heads * d]; y as q. */
export function perceiver(
  { latents, media, heads, d, scale }: PerceiverSizes,
  q: ArrayLike<number>,
  mediaKv: ArrayLike<number>,
  latentKv: ArrayLike<number>,
): Float64Array {
  const width = heads * d;
  const y = new Float64Array(latents * width);
  const kv = (j: number, at: number) =>
    j < media ? vector(mediaKv, j * 2 * width + at, d) : vector(latentKv, (j - media) * 2 * width + at, d);
  for (let i = 0; i < latents; i++) {
    for (let h = 0; h < heads; h++) {
      const query = vector(q, i * width + h * d, d);
      const scores = Array.from({ length: media + latents }, (_, j) => scale * dot(query, kv(j, h * d)));
      y.set(
        attend(scores, (j) => kv(j, width + h * d), d),
        i * width + h * d,
      );
    }
  }
  return y;
}
