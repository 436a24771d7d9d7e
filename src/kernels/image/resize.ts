import { defineKernel } from '../../gpu/kernel';

/**
 * One pass of an antialiased resize of 8-bit RGBA pixels (one u32 each, red lowest) by the tables of core/resample, rounded to 8 bits as
 * Pillow does. AXIS 0: x [lines, inputs] -> y [lines, outputs]; AXIS 1: x [inputs, lines] -> y [outputs, lines].
 * starts, counts i32 [outputs]; coefficients i32 [outputs, taps].
 */
export const resize = defineKernel({
  id: 'image/resize',
  overrides: { WG: 64, AXIS: 0 },
  params: { lines: 'u32', inputs: 'u32', outputs: 'u32', taps: 'u32' },
  bindings: { x: 'read', starts: 'read', counts: 'read', coefficients: 'read', y: 'write' },
  workgroups: ({ lines, outputs }, { WG, AXIS }) =>
    AXIS === 0 ? [Math.ceil(outputs / WG), lines, 1] : [Math.ceil(lines / WG), outputs, 1],
});
