import { defineKernel } from '../../gpu/kernel';

/** Sets every row r of x [rows, cols] with open[r] = 0 to zeros, in place; open u32 [rows]. */
export const clearRows = defineKernel({
  id: 'residual/clear-rows',
  overrides: { WG: 64 },
  params: { rows: 'u32', cols: 'u32' },
  bindings: { open: 'read', x: 'read-write' },
  workgroups: ({ rows, cols }, { WG }) => [Math.ceil(cols / WG), rows, 1],
});
