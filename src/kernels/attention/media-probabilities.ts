import { defineKernel } from '../../gpu/kernel';

/**
 * What attention/media-cross weighs its values with: probabilities [heads, rows, n] over the latents of each row's own medium; zeros for -1.
 * Inputs as there, without values.
 */
export const mediaProbabilities = defineKernel({
  id: 'attention/media-probabilities',
  overrides: { WG: 64 },
  params: { rows: 'u32', heads: 'u32', d: 'u32', n: 'u32', scale: 'f32' },
  bindings: { q: 'read', media_index: 'read', keys: 'read', probabilities: 'write' },
  workgroups: ({ rows, heads }) => [rows, heads, 1],
});
