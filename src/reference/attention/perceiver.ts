import { softmax } from './softmax';

export interface PerceiverSizes {
  latents: number;
  media: number;
  heads: number;
  d: number;
  scale: number;
}

/** f64 reference for attention/perceiver. q [latents, heads * d]; kv rows [2 * heads * d]: keys, then values; -> [latents, heads * d]. */
export function perceiver(
  q: ArrayLike<number>,
  mediaKv: ArrayLike<number>,
  latentKv: ArrayLike<number>,
  { latents, media, heads, d, scale }: PerceiverSizes,
): Float64Array {
  const width = 2 * heads * d;
  const both = [...Array.from(mediaKv).slice(0, media * width), ...Array.from(latentKv).slice(0, latents * width)];
  const y = new Float64Array(latents * heads * d);
  for (let l = 0; l < latents; l++) {
    for (let h = 0; h < heads; h++) {
      const scores = Array.from({ length: media + latents }, (_, j) => {
        let dot = 0;
        for (let c = 0; c < d; c++) dot += q[(l * heads + h) * d + c] * both[j * width + h * d + c];
        return dot * scale;
      });
      softmax(scores).forEach((p, j) => {
        for (let c = 0; c < d; c++) y[(l * heads + h) * d + c] += p * both[j * width + (heads + h) * d + c];
      });
    }
  }
  return y;
}
