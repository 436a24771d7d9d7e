import { defineKernel } from '../../gpu/kernel';

/**
 * Latents attend to concat(media, latents), which is never put together. q [latents, heads * d]; media_kv [media, 2 * heads * d] and
 * latent_kv [latents, 2 * heads * d]: keys, then values in each row; y [latents, heads * d]; media may be 0; d <= 256.
 * One workgroup per four latents of a head.
 */
export const perceiver = defineKernel({
  id: 'attention/perceiver',
  overrides: { WG: 64 },
  params: { latents: 'u32', media: 'u32', heads: 'u32', d: 'u32', scale: 'f32' },
  bindings: { q: 'read', media_kv: 'read', latent_kv: 'read', y: 'write' },
  workgroups: ({ latents, heads }) => [Math.ceil(latents / 4), heads, 1],
});
