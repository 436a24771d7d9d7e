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
  'norm/head-norm': {
    f32: { abs: 1e-6, rel: 2e-5, reason: 'two f32 sums over the row; inverseSqrt has 2 ULP in WGSL' },
    f16: { abs: 1e-3, rel: 2e-3, reason: 'inputs and outputs rounded to f16 (11 bits)' },
  },
  'norm/rms-norm': {
    f32: { abs: 1e-6, rel: 2e-5, reason: 'one f32 sum over the row; inverseSqrt has 2 ULP in WGSL' },
    f16: { abs: 1e-3, rel: 2e-3, reason: 'outputs rounded to f16 (11 bits)' },
  },
  'embed/gather': {
    f32: { abs: 0, rel: 1e-7, reason: 'codes times scales are exact; one rounded addition with learned positions' },
    f16: { abs: 1e-6, rel: 5e-4, reason: 'outputs rounded to f16 (11 bits)' },
  },
  'embed/add-frames': {
    f32: {
      abs: 1e-7,
      rel: 3e-7,
      reason: 'division of 2.5 ULP, a product and two additions; numpy.interp is to be met within 1e-6',
    },
    f16: { abs: 1e-6, rel: 5e-4, reason: 'outputs rounded to f16 (11 bits)' },
  },
  'linear/matvec': {
    f32: { abs: 2e-6, rel: 1e-5, reason: 'f32 sums of up to 2048 products; a fused norm as norm/layer-norm' },
    f16: { abs: 1e-3, rel: 1e-3, reason: 'outputs rounded to f16 (11 bits)' },
  },
  'linear/matvec-blocks': {
    f32: { abs: 2e-6, rel: 1e-5, reason: 'f32 sums of up to 2048 products; a fused norm as norm/layer-norm' },
    f16: { abs: 1e-3, rel: 1e-3, reason: 'outputs rounded to f16 (11 bits)' },
  },
  'linear/matmul': {
    f32: { abs: 2e-6, rel: 1e-5, reason: 'f32 sums of up to 2048 products' },
    f16: { abs: 1e-3, rel: 1e-3, reason: 'outputs rounded to f16 (11 bits)' },
  },
  'attention/causal': {
    f32: {
      abs: 2e-5,
      rel: 2e-5,
      reason: 'f32 dot products and exp; scores of some thousands lose digits before the softmax',
    },
    f16: { abs: 2e-3, rel: 2e-3, reason: 'inputs and outputs rounded to f16 (11 bits); sums in f32' },
  },
  'attention/media-cross': {
    f32: { abs: 2e-6, rel: 2e-5, reason: 'f32 dot products and exp' },
    f16: { abs: 2e-3, rel: 2e-3, reason: 'inputs and outputs rounded to f16 (11 bits); sums in f32' },
  },
  'attention/media-probabilities': {
    f32: { abs: 2e-6, rel: 2e-5, reason: 'f32 dot products and exp' },
    f16: { abs: 2e-3, rel: 2e-3, reason: 'inputs and outputs rounded to f16 (11 bits); sums in f32' },
  },
  'attention/media-range': {
    f32: { abs: 2e-6, rel: 2e-5, reason: 'f32 dot products and exp' },
    f16: { abs: 2e-3, rel: 2e-3, reason: 'inputs and outputs rounded to f16 (11 bits); sums in f32' },
  },
  'attention/media-range-probabilities': {
    f32: { abs: 2e-6, rel: 2e-5, reason: 'f32 dot products and exp' },
    f16: { abs: 2e-3, rel: 2e-3, reason: 'inputs and outputs rounded to f16 (11 bits); sums in f32' },
  },
  'attention/perceiver': {
    f32: { abs: 2e-6, rel: 2e-5, reason: 'f32 dot products and exp' },
    f16: { abs: 2e-3, rel: 2e-3, reason: 'inputs and outputs rounded to f16 (11 bits); sums in f32' },
  },
  'attention/perceiver-probabilities': {
    f32: { abs: 2e-6, rel: 2e-5, reason: 'f32 dot products and exp' },
    f16: { abs: 2e-6, rel: 2e-5, reason: 'inputs rounded before the reference sees them; sums and results in f32' },
  },
  'position/split-qkv': {
    f32: { abs: 2e-6, rel: 2e-5, reason: 'norm as norm/layer-norm; one rotation' },
    f16: { abs: 2e-3, rel: 2e-3, reason: 'inputs and outputs rounded to f16 (11 bits); sums in f32' },
  },
  'cache/append-media': {
    f32: { abs: 0, rel: 0, reason: 'a copy, a choice or integers' },
    f16: { abs: 0, rel: 0, reason: 'a copy, a choice or integers' },
  },
  'residual/clear-rows': {
    f32: { abs: 0, rel: 0, reason: 'a copy, a choice or integers' },
    f16: { abs: 0, rel: 0, reason: 'a copy, a choice or integers' },
  },
  'sample/argmax': {
    f32: { abs: 0, rel: 0, reason: 'a copy, a choice or integers' },
    f16: { abs: 0, rel: 0, reason: 'a copy, a choice or integers' },
  },
  'sample/adjust': {
    f32: { abs: 1e-6, rel: 1e-6, reason: 'one f32 division or product' },
    f16: { abs: 1e-3, rel: 1e-3, reason: 'outputs rounded to f16 (11 bits)' },
  },
  'sample/log-probability': {
    f32: { abs: 5e-6, rel: 2e-6, reason: 'an f32 sum of up to 5001 exponentials; log has 3 ULP in WGSL' },
    f16: { abs: 5e-6, rel: 2e-6, reason: 'sums and results in f32' },
  },
  'sample/top-k': {
    f32: { abs: 0, rel: 0, reason: 'a copy, a choice or integers' },
    f16: { abs: 0, rel: 0, reason: 'a copy, a choice or integers' },
  },
  'sample/draw': {
    f32: { abs: 0, rel: 0, reason: 'a copy, a choice or integers' },
    f16: { abs: 0, rel: 0, reason: 'a copy, a choice or integers' },
  },
  'image/resize': {
    f32: { abs: 0, rel: 0, reason: 'a copy, a choice or integers' },
    f16: { abs: 0, rel: 0, reason: 'a copy, a choice or integers' },
  },
  'image/normalize': {
    f32: { abs: 1e-6, rel: 1e-6, reason: 'two f32 divisions' },
    f16: { abs: 1e-6, rel: 1e-6, reason: 'never in f16' },
  },
};
