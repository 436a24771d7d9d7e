import { defineKernel } from '../../gpu/kernel';

/**
 * The k <= 256 largest of logits[row, :] outside suppress, descending, equal ones by id. Where fewer are numbers that may be
 * chosen, the rest of top_ids is NO_TOKEN (sample/argmax) and of top_values the lowest f32.
 */
export const topK = defineKernel({
  id: 'sample/top-k',
  overrides: { WG: 256 },
  params: { row: 'u32', vocab: 'u32', suppressed: 'u32', k: 'u32' },
  bindings: { logits: 'read', suppress: 'read', top_values: 'write', top_ids: 'write' },
  workgroups: () => [1, 1, 1],
});
