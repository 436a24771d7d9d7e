import { defineKernel } from '../../gpu/kernel';

/** Root-mean-square normalisation of each row of x [rows, cols], times weight [cols]. */
export const rmsNorm = defineKernel({
  id: 'norm/rms-norm',
  overrides: { WG: 64 },
  params: { rows: 'u32', cols: 'u32', eps: 'f32' },
  bindings: { x: 'read', weight: 'read', y: 'write' },
  workgroups: ({ rows }) => [rows, 1, 1],
});
