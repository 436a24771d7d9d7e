import { defineKernel } from '../../gpu/kernel';

/**
 * Normalises each head of x [rows, stride] in place: the first heads * d values of a row; norm holds weight [d], then (HAS_BIAS) bias [d].
 * NORM 1 layer norm, 2 root mean square. One workgroup per row and head.
 */
export const headNorm = defineKernel({
  id: 'norm/head-norm',
  overrides: { WG: 32, NORM: 1, HAS_BIAS: 0 },
  params: { rows: 'u32', heads: 'u32', d: 'u32', stride: 'u32', eps: 'f32' },
  bindings: { norm: 'read', x: 'read-write' },
  workgroups: ({ rows, heads }) => [rows, heads, 1],
});
