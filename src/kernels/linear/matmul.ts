import { defineKernel } from '../../gpu/kernel';

/**
 * y[t, r] = epilogue(sum_k x[t, k] * weight[r, k]) for many rows t: the linear layer of a prefill.
 * x [rows, cols]; weight, scale, bias, gate, y and the epilogue as in linear/matvec; no fused norm.
 * A workgroup computes a tile of TILE_ROWS x TILE_OUTPUTS of y.
 */
export const matmul = defineKernel({
  id: 'linear/matmul',
  overrides: { TILE_ROWS: 32, TILE_OUTPUTS: 32, STORAGE: 0, HAS_BIAS: 0, ACTIVATION: 0, PAIR: 0, RESIDUAL: 0 },
  params: { rows: 'u32', outputs: 'u32', cols: 'u32' },
  bindings: { x: 'read', weight: 'read', scale: 'read', bias: 'read', gate: 'read', y: 'read-write' },
  workgroups: ({ rows, outputs }, { TILE_ROWS, TILE_OUTPUTS }) => [
    Math.ceil(outputs / TILE_OUTPUTS),
    Math.ceil(rows / TILE_ROWS),
    1,
  ],
});
