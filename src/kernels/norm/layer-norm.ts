import { defineKernel } from '../../gpu/kernel';

/** Layer normalisation of each row of x [rows, cols]; norm holds weight [cols], then (HAS_BIAS) bias [cols]. */
export const layerNorm = defineKernel({
  id: 'norm/layer-norm',
  overrides: { WG: 64, HAS_BIAS: 1 },
  params: { rows: 'u32', cols: 'u32', eps: 'f32' },
  bindings: { x: 'read', norm: 'read', y: 'write' },
  workgroups: ({ rows }) => [rows, 1, 1],
});
