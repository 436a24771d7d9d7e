import { defineKernel } from '../../gpu/kernel';

/**
 * Per row of logits [rows, vocab]: the log-probability of targets[row], and the logarithm of the sum of all exponentials, which makes a log-probability of any
 * other logit. y f32 [rows, 2]. One workgroup per row.
 */
export const logProbability = defineKernel({
  id: 'sample/log-probability',
  overrides: { WG: 256 },
  params: { rows: 'u32', vocab: 'u32' },
  bindings: { logits: 'read', targets: 'read', y: 'write' },
  workgroups: ({ rows }) => [rows, 1, 1],
});
