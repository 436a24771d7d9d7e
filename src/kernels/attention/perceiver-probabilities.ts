import { defineKernel } from '../../gpu/kernel';

/**
 * What attention/perceiver weighs its values with: probabilities [heads, latents, media + latents] in f32. Inputs as there. One workgroup per latent and head.
 */
export const perceiverProbabilities = defineKernel({
  id: 'attention/perceiver-probabilities',
  overrides: { WG: 64 },
  params: { latents: 'u32', media: 'u32', heads: 'u32', d: 'u32', scale: 'f32' },
  bindings: { q: 'read', media_kv: 'read', latent_kv: 'read', probabilities: 'write' },
  workgroups: ({ latents, heads }) => [latents, heads, 1],
});
