import { defineKernel } from '../../gpu/kernel';

/**
 * Media cross-attention over a range of media: row r attends to the seen latents of the entries ranges[r, 0] .. ranges[r, 1] of the table; an empty range gives
 * exactly 0. q [rows, heads * d]; ranges u32 [rows, 2]; media u32 [entries, 2]: slot and number of seen latents; keys, values [slots, kv_heads, n, d];
 * y [rows, heads * d]; d <= 256. One workgroup per row and head.
 */
export const mediaRange = defineKernel({
  id: 'attention/media-range',
  overrides: { WG: 64 },
  params: { rows: 'u32', heads: 'u32', kv_heads: 'u32', d: 'u32', n: 'u32', scale: 'f32' },
  bindings: { q: 'read', ranges: 'read', media: 'read', keys: 'read', values: 'read', y: 'write' },
  workgroups: ({ rows, heads }) => [rows, heads, 1],
});
