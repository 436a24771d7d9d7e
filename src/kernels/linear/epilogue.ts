import type { WeightType } from '../../core/dtypes';
import type { Activation } from '../../format/config';

/** Values of the override STORAGE (shaders/lib/weights.wgsl). */
export const STORAGE_CODE: Record<WeightType, number> = { f32: 0, f16: 1, q8: 2, q4: 3 };

const ACTIVATION_CODE: Record<Activation, number> = {
  none: 0,
  gelu: 1,
  'gelu-tanh': 2,
  'quick-gelu': 3,
  relu: 4,
  relu2: 5,
  silu: 6,
};

/** Value of the override ACTIVATION (shaders/lib/activation.wgsl). */
export function activationCode(name: Activation): number {
  return ACTIVATION_CODE[name];
}

/** Values of the override RESIDUAL (shaders/lib/epilogue.wgsl): how a linear layer's result v meets what y holds. */
export const RESIDUAL_CODE = {
  /** y = v */
  none: 0,
  /** y += v */
  add: 1,
  /** y += gate[0] * v */
  scalar: 2,
  /** y += gate[r] * v, one gate per output */
  vector: 3,
} as const;

/** Values of the override NORM of linear/matvec. */
export const NORM_CODE = { none: 0, layer: 1, rms: 2 } as const;
