import { defineKernel } from '../../gpu/kernel';

/** Puts the projected latents of one medium into its slot: kv [n, 2 * heads * d] (keys, then values in each row) -> keys, values [slots, heads, n, d]. */
export const appendMedia = defineKernel({
  id: 'cache/append-media',
  overrides: { WG: 64 },
  params: { n: 'u32', heads: 'u32', d: 'u32', slot: 'u32' },
  bindings: { kv: 'read', keys: 'read-write', values: 'read-write' },
  workgroups: ({ n, heads, d }, { WG }) => [Math.ceil((heads * d) / WG), n, 1],
});
