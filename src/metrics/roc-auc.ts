import { FlamingoError } from '../core/errors';

/**
 * Area under the ROC curve: the chance that a positive's score is above a negative's, ties counting half. Source: Fawcett 2006, §7; sklearn.metrics.roc_auc_score.
 * Throws `invalid-option` when one of the classes is empty.
 */
export function rocAuc(items: readonly { score: number; positive: boolean }[]): number {
  const positives = items.filter(({ positive }) => positive).length;
  const negatives = items.length - positives;
  if (positives === 0 || negatives === 0) {
    throw new FlamingoError(
      'invalid-option',
      `ROC-AUC needs both classes; there are ${positives} positive and ${negatives} negative items.`,
      { hint: 'Evaluate more items.', details: { positives, negatives } },
    );
  }
  const sorted = items.toSorted((a, b) => a.score - b.score);
  let rankSum = 0;
  for (let start = 0; start < sorted.length; ) {
    let end = start;
    while (end < sorted.length && sorted[end].score === sorted[start].score) end++;
    const rank = (start + 1 + end) / 2; // equal scores share the mean of their ranks
    for (let i = start; i < end; i++) if (sorted[i].positive) rankSum += rank;
    start = end;
  }
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives);
}
