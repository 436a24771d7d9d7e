/**
 * Uniform number in [0, 1) for one step of one seed: a hash instead of a state, so that CPU and GPU agree and a step can be repeated.
 * PCG-RXS-M-XS by Jarzynski and Olano, "Hash Functions for GPU Rendering" (2020); 24 bits, exact in f32.
 */
export function uniformFromCounter(seed: number, step: number): number {
  return (pcg((pcg(seed >>> 0) + step) >>> 0) >>> 8) / 2 ** 24;
}

function pcg(input: number): number {
  const state = (Math.imul(input, 747796405) + 2891336453) >>> 0;
  const word = Math.imul((state >>> ((state >>> 28) + 4)) ^ state, 277803737) >>> 0;
  return ((word >>> 22) ^ word) >>> 0;
}
