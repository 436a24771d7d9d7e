import type { Rows } from './math';

/**
 * f64 reference of attention rollout through a resampler: probabilities [n, F*v + n] of every head of every layer -> shares [n, F*v + n] of the features and of
 * the learned latents in the finished latents; rows sum to 1. Written from Abnar and Zuidema 2020, section 3, with whole matrices over features and latents: a
 * layer leaves features as they are and makes latents half of what they were and half of what they attend to.
 */
export function rollout(attention: readonly (readonly Rows[])[]): Rows {
  const n = attention[0][0].length;
  const size = attention[0][0][0].length;
  const identity: Rows = Array.from({ length: size }, (_, i) =>
    Array.from({ length: size }, (_, j) => (i === j ? 1 : 0)),
  );
  let shares = identity;
  for (const heads of attention) {
    const layer = identity.map((row, i) => {
      if (i < size - n) return row;
      return row.map((half, j) => {
        const mean = heads.reduce((sum, rows) => sum + rows[i - (size - n)][j], 0) / heads.length;
        return 0.5 * half + 0.5 * mean;
      });
    });
    shares = layer.map((row) => identity.map((_, j) => row.reduce((sum, w, k) => sum + w * shares[k][j], 0)));
  }
  return shares.slice(size - n);
}
