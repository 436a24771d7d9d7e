/** Largest error of a kernel against its f64 reference: |got - want| <= abs + rel * max|want|. */
export interface Bound {
  abs: number;
  rel: number;
  reason: string;
}

/** Bounds per kernel and element type of activations. One table, so that a loosened bound is seen. */
export const BOUNDS: Record<string, { f32: Bound; f16: Bound }> = {
  'norm/layer-norm': {
    f32: { abs: 1e-6, rel: 2e-5, reason: 'two f32 sums over the row; inverseSqrt has 2 ULP in WGSL' },
    f16: { abs: 1e-3, rel: 2e-3, reason: 'inputs and outputs rounded to f16 (11 bits)' },
  },
};
