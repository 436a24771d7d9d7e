import { defineKernel } from '../../gpu/kernel';

/**
 * Causal self-attention over the KV cache: row r attends to the keys 0 .. p_r, p_r = position + r. With TREE p_r = places[r], and the keys behind the first
 * `prefix` lie in the slots places[rows + r * stride ..]: a row's path, its own slot last. Query head h reads kv head h / (heads / kv_heads).
 * ALIBI 1 adds slopes[h] * (j - p_r), 2 adds bf16(slopes[h] * bf16(j)) * scale. q [rows, heads, d]; caches [kv_heads, capacity, d]; slopes f32 [heads];
 * y [rows, heads * d]; d <= 256. One workgroup per four rows of a head.
 */
export const causalAttention = defineKernel({
  id: 'attention/causal',
  overrides: { WG: 64, ALIBI: 0, TREE: 0 },
  params: {
    rows: 'u32',
    position: 'u32',
    capacity: 'u32',
    heads: 'u32',
    kv_heads: 'u32',
    d: 'u32',
    scale: 'f32',
    prefix: 'u32',
    stride: 'u32',
  },
  bindings: { q: 'read', key_cache: 'read', value_cache: 'read', slopes: 'read', places: 'read', y: 'write' },
  workgroups: ({ rows, heads }) => [Math.ceil(rows / 4), heads, 1],
});
