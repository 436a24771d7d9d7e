import { defineKernel } from '../../gpu/kernel';

/**
 * What attention/media-range weighs its values with: probabilities [heads, rows, count, n] over `count` media; zeros outside a row's range. Entry e of the
 * table is medium e % count. Inputs as there, without values.
 */
export const mediaRangeProbabilities = defineKernel({
  id: 'attention/media-range-probabilities',
  overrides: { WG: 64 },
  params: { rows: 'u32', heads: 'u32', kv_heads: 'u32', d: 'u32', n: 'u32', count: 'u32', scale: 'f32' },
  bindings: { q: 'read', ranges: 'read', media: 'read', keys: 'read', probabilities: 'write' },
  workgroups: ({ rows, heads }) => [rows, heads, 1],
});
