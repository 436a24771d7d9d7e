import { defineKernel, MAX_WORKGROUPS, type Workgroups } from '../../gpu/kernel';

export const OVERRIDES = {
  WG: 64,
  LANES: 32,
  STORAGE: 0,
  NORM: 0,
  NORM_BIAS: 0,
  HAS_BIAS: 0,
  ACTIVATION: 0,
  PAIR: 0,
  RESIDUAL: 0,
};
export const PARAMS = { rows: 'u32', first: 'u32', outputs: 'u32', cols: 'u32', eps: 'f32' } as const;
export const BINDINGS = {
  x: 'read',
  norm: 'read',
  weight: 'read',
  scale: 'read',
  bias: 'read',
  gate: 'read',
  y: 'read-write',
} as const;

/**
 * y[t, r] = epilogue(sum_k norm(x)[first + t, k] * weight[r, k]) for a few rows t: the linear layer of a decode step.
 * x [first + rows, cols]; weight [outputs, cols] in STORAGE, or with PAIR [2 * outputs, cols], gate rows then value rows;
 * norm: weight [cols], then (NORM_BIAS) bias [cols]; bias [outputs] (PAIR: [2 * outputs]); gate [1] or [outputs]; y [rows, outputs].
 * Teams of LANES lanes (a power of two, a divisor of WG) compute one output each.
 */
export const matvec = defineKernel({
  id: 'linear/matvec',
  overrides: OVERRIDES,
  params: PARAMS,
  bindings: BINDINGS,
  workgroups: ({ rows, outputs }, { WG, LANES }) => spread(Math.ceil(outputs / (WG / LANES)), rows),
});

/** A dispatch of `groups` workgroups over x and y, for every row in z. */
export function spread(groups: number, rows: number): Workgroups {
  return [Math.min(groups, MAX_WORKGROUPS), Math.ceil(groups / MAX_WORKGROUPS), rows];
}
