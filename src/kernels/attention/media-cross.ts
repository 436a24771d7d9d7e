import { defineKernel } from '../../gpu/kernel';

/**
 * Media cross-attention under the latest-image mask: row r attends to the n latents of slot media_index[r] only; -1: its y is exactly 0.
 * q [rows, heads * d]; media_index i32 [rows]; keys, values [slots, heads, n, d]; y [rows, heads * d]; d <= 256.
 * One workgroup per row and head.
 */
export const mediaCross = defineKernel({
  id: 'attention/media-cross',
  overrides: { WG: 64 },
  params: { rows: 'u32', heads: 'u32', d: 'u32', n: 'u32', scale: 'f32' },
  bindings: { q: 'read', media_index: 'read', keys: 'read', values: 'read', y: 'write' },
  workgroups: ({ rows, heads }) => [rows, heads, 1],
});
