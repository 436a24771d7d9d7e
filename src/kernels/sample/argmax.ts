import { defineKernel } from '../../gpu/kernel';

/** Written as the token where no logit is a number that may be chosen. */
export const NO_TOKEN = 0xffffffff;

/**
 * token[0] = the largest of logits[row, :] that is not among suppress[0 .. suppressed - 1]; the lowest id wins among equals, NaN never does.
 * NO_TOKEN when there is none.
 */
export const argmax = defineKernel({
  id: 'sample/argmax',
  overrides: { WG: 256 },
  params: { row: 'u32', vocab: 'u32', suppressed: 'u32' },
  bindings: { logits: 'read', suppress: 'read', token: 'write' },
  workgroups: () => [1, 1, 1],
});
