import type { PerceiverSizes } from './perceiver';
import { softmax } from './softmax';

/** f64 reference for attention/perceiver-probabilities. q [latents, heads * d]; kv rows [2 * heads * d], keys first; -> [heads, latents, media + latents]. */
export function perceiverProbabilities(
  q: ArrayLike<number>,
  mediaKv: ArrayLike<number>,
  latentKv: ArrayLike<number>,
  { latents, media, heads, d, scale }: PerceiverSizes,
): Float64Array {
  const key = (j: number, c: number) =>
    j < media ? mediaKv[j * 2 * heads * d + c] : latentKv[(j - media) * 2 * heads * d + c];
  const all = new Float64Array(heads * latents * (media + latents));
  for (let h = 0; h < heads; h++) {
    for (let l = 0; l < latents; l++) {
      const scores = Array.from({ length: media + latents }, (_, j) => {
        let dot = 0;
        for (let c = 0; c < d; c++) dot += q[(l * heads + h) * d + c] * key(j, h * d + c);
        return dot * scale;
      });
      all.set(softmax(scores), (h * latents + l) * (media + latents));
    }
  }
  return all;
}
