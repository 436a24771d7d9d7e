import { defineKernel } from '../../gpu/kernel';

/** What `adjust` writes for a token that is not allowed: the lowest number that f16 holds too. */
export const BANNED = -65504;

/**
 * Logits as a choice should see them: those of tokens that were seen divided by `penalty` (negative ones multiplied), those of tokens that are not allowed BANNED.
 * logits, y [vocab]; masks: bits of seen tokens in `words` words, then bits of allowed ones.
 */
export const adjust = defineKernel({
  id: 'sample/adjust',
  overrides: { WG: 256 },
  params: { vocab: 'u32', words: 'u32', penalty: 'f32' },
  bindings: { logits: 'read', masks: 'read', y: 'write' },
  workgroups: ({ vocab }, { WG }) => [Math.ceil(vocab / WG), 1, 1],
});
