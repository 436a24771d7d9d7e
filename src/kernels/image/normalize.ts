import { defineKernel } from '../../gpu/kernel';

/**
 * Crop and normalisation: y[c, r, k] = (channel c of x[top + r, left + k] / 255 - mean_c) / std_c. x [., stride] RGBA pixels (one u32
 * each, red lowest); constants f32: three means, then three standard deviations; y f32 [3, height, width].
 */
export const normalize = defineKernel({
  id: 'image/normalize',
  overrides: { WG: 64 },
  params: { stride: 'u32', left: 'u32', top: 'u32', width: 'u32', height: 'u32' },
  bindings: { x: 'read', constants: 'read', y: 'write' },
  workgroups: ({ width, height }, { WG }) => [Math.ceil(width / WG), height, 3],
});
