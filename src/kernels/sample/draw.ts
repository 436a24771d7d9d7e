import { defineKernel } from '../../gpu/kernel';

/**
 * Draws one of sample/top-k's candidates: softmax at `temperature` over the k values, of which the smallest leading set with probability
 * top_p takes part, less those that are not min_p times as likely as the first. The random number is uniformFromCounter(seed, step) of core/random-counter. Temperature 0 takes the first.
 */
export const draw = defineKernel({
  id: 'sample/draw',
  overrides: {},
  params: { k: 'u32', seed: 'u32', step: 'u32', temperature: 'f32', top_p: 'f32', min_p: 'f32' },
  bindings: { top_values: 'read', top_ids: 'read', token: 'write' },
  workgroups: () => [1, 1, 1],
});
