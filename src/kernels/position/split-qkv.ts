import { defineKernel } from '../../gpu/kernel';

/**
 * From the qkv projection to attention: clip (CLIP), normalise q and k (QK_NORM 1 over the width, 2 per head; NORM_KIND 1 layer, 2 rms;
 * QK_BIAS), turn the first `dims` of each head (PAIRING 1 half, 2 interleaved), then q to `q` and k, v to the caches at slot position + row. Row r stands at position + r, or with TREE at places[r].
 * qkv [rows, (heads + 2 * kv_heads) * d]; norms f32: q weight, q bias, k weight, k bias (biases with QK_BIAS only); rotary f32
 * [positions, dims / 2, 2] cos and sin; q [rows, heads, d]; caches [kv_heads, capacity, d]. One workgroup per row and head.
 */
export const splitQkv = defineKernel({
  id: 'position/split-qkv',
  overrides: { WG: 32, PAIRING: 0, QK_NORM: 0, NORM_KIND: 1, QK_BIAS: 0, CLIP: 0, TREE: 0 },
  params: {
    rows: 'u32',
    position: 'u32',
    capacity: 'u32',
    heads: 'u32',
    kv_heads: 'u32',
    d: 'u32',
    dims: 'u32',
    eps: 'f32',
    clip: 'f32',
  },
  bindings: {
    qkv: 'read',
    norms: 'read',
    rotary: 'read',
    places: 'read',
    q: 'write',
    key_cache: 'read-write',
    value_cache: 'read-write',
  },
  workgroups: ({ rows, heads, kv_heads }) => [rows, heads + 2 * kv_heads, 1],
});
