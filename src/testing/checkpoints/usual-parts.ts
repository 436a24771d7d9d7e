/** Parts of made-up checkpoints, with sizes that no golden has. */

export const clip = {
  imageSize: 24,
  patch: 8,
  width: 20,
  heads: 2,
  layers: 1,
  inner: 36,
  activation: 'gelu',
  type: 'f32',
} as const;
export const resampler = { layers: 1, latents: 3, heads: 3, headDim: 10, inner: 44, frames: null };
export const gated = { every: 2, heads: 2, headDim: 14, inner: 52 };
export const delta = { type: 'f32', file: 'checkpoint.pt', gatedUnder: 'blocks', embedding: true, head: true } as const;
