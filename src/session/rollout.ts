import type { PatchGrid } from '../format/patch-grid';

/** Where the latents of one medium come from. */
export interface MediaRollout {
  readonly frames: number;
  readonly grid: PatchGrid;
  /** Of a picture cut into tiles, which are its frames: how they lie. */
  readonly tiles?: { rows: number; columns: number };
  /** [n, F*v]: the share of each feature in each latent. Undefined where the latents are the features. */
  readonly shares?: Float32Array;
}

/** Sizes of one run of the resampler: H heads, n latents, F*v features. */
export interface RolloutSizes {
  heads: number;
  latents: number;
  features: number;
}

/**
 * Attention rollout through a Perceiver Resampler: probabilities [H, n, F*v + n] of its layers -> shares [n, F*v] of the features in the finished latents.
 *
 * Abnar and Zuidema 2020, section 3: attention averaged over heads, the residual connection as half of an identity, layers multiplied. Here the rows of a layer are
 * latents alone, and its keys are the features, which no layer changes, followed by the latents as they stand. With A = [A_x | A_z], the mean over heads,
 * P_0 = 0 and P_(i+1) = (P_i + A_x + A_z P_i) / 2. A row sums to less than 1: the rest comes from the learned latents that the resampler starts with. Norms,
 * values and feed-forward networks play no part, as in the paper.
 */
export function rollout(
  layers: readonly Float32Array[],
  { heads, latents: n, features }: RolloutSizes,
): Float32Array<ArrayBuffer> {
  let shares = new Float32Array(n * features);
  for (const layer of layers) {
    const mean = meanOverHeads(layer, heads);
    const next = new Float32Array(n * features);
    for (let i = 0; i < n; i++) {
      const row = mean.subarray(i * (features + n), (i + 1) * (features + n));
      for (let x = 0; x < features; x++) next[i * features + x] = (shares[i * features + x] + row[x]) / 2;
      for (let j = 0; j < n; j++) {
        const weight = row[features + j] / 2;
        for (let x = 0; x < features; x++) next[i * features + x] += weight * shares[j * features + x];
      }
    }
    shares = next;
  }
  return shares;
}

/** [H, ...] -> the mean over H. */
export function meanOverHeads(values: Float32Array, heads: number): Float32Array {
  const mean = new Float32Array(values.length / heads);
  for (let i = 0; i < values.length; i++) mean[i % mean.length] += values[i] / heads;
  return mean;
}

/** What of a token's attention leads to one medium. */
export interface FollowedMedium {
  /** [F, height, width], row by row. */
  values: Float32Array;
  /** What leads to the class tokens of all frames. */
  classToken: number;
}

/**
 * Attention [media * n] of one token, whose row sums to 1 -> what it leads to in every medium. Values and class tokens of all media together sum to 1: the share
 * `learned`, which leads to the resampler's learned latents and so to nothing in a picture, is told apart. All is 0 for a token that sees nothing.
 */
export function follow(
  media: readonly MediaRollout[],
  attention: Float32Array,
): { maps: FollowedMedium[]; learned: number } {
  const n = attention.length / Math.max(1, media.length);
  const features = media.map((medium, m) => toFeatures(medium, attention.subarray(m * n, (m + 1) * n)));
  const total = features.reduce((sum, values) => sum + sumOf(values), 0);
  const maps = features.map((values, m) => onGrid(media[m], values, total > 0 ? 1 / total : 0));
  return { maps, learned: Math.max(0, sumOf(attention) - total) };
}

/** Attention [n] over the latents of one medium -> over its features [F*v]. */
function toFeatures({ shares }: MediaRollout, attention: Float32Array): Float32Array {
  if (!shares) return attention;
  const features = new Float32Array(shares.length / attention.length);
  for (const [j, weight] of attention.entries())
    for (let x = 0; x < features.length; x++) features[x] += weight * shares[j * features.length + x];
  return features;
}

function onGrid({ frames, grid }: MediaRollout, features: Float32Array, scale: number): FollowedMedium {
  const { classTokens, height, width } = grid;
  const v = features.length / frames;
  const values = new Float32Array(frames * height * width);
  let classToken = 0;
  for (let f = 0; f < frames; f++) {
    if (classTokens > 0) classToken += scale * features[f * v];
    for (let p = 0; p < height * width; p++) values[f * height * width + p] = scale * features[f * v + classTokens + p];
  }
  return { values, classToken };
}

function sumOf(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0);
}
