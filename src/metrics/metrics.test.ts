import { expect, test } from 'vitest';
import { cider } from './cider';
import official from './fixtures/scores.json';
import { bootstrapInterval, mean, wilsonInterval } from './intervals';
import { ptbTokens } from './ptb-tokenize';
import { rocAuc } from './roc-auc';
import { normalizeAnswer, vqaAccuracy } from './vqa-accuracy';

// Numbers of the official scorers: fixtures/make-scores.py.

test('captions have the words of Stanford’s tokeniser', () => {
  const ours = official.tokens.map(([text]) => [text, ptbTokens(text).join(' ')]);
  expect(ours).toEqual(official.tokens);
});

test('CIDEr of every caption and of the corpus is pycocoevalcap’s', () => {
  const { items, each, corpus } = official.cider;
  const ours = cider(items);
  for (const [i, value] of each.entries()) expect(ours[i], items[i].prediction).toBeCloseTo(value, 9);
  expect(mean(ours)).toBeCloseTo(corpus, 9);
  expect(corpus).toBeGreaterThan(1);
});

test('an item without references is refused', () => {
  expect(() => cider([{ prediction: 'a', references: [] }])).toThrow(/Item 1 of 1 has 0 references/);
});

test.each(official.normalized)('the answer %j is normalised to %j', (answer, expected) => {
  expect(normalizeAnswer(answer)).toBe(expected);
});

test('VQA accuracy of every answer is VQAEval’s', () => {
  const { questions, overall } = official.vqa;
  const ours = questions.map(({ prediction, answers }) => vqaAccuracy(prediction, answers));
  for (const [i, { accuracy }] of questions.entries()) expect(ours[i]).toBeCloseTo(accuracy, 9);
  expect(mean(ours)).toBeCloseTo(overall, 9);
  expect(new Set(ours.map((value) => value.toFixed(3))).size).toBeGreaterThan(3);
});

test.each(official.auc)('ROC-AUC $auc is scikit-learn’s', ({ labels, scores, auc }) => {
  expect(rocAuc(scores.map((score, i) => ({ score, positive: labels[i] === 1 })))).toBeCloseTo(auc, 12);
});

test('ROC-AUC of one class is refused with both numbers', () => {
  expect(() => rocAuc([{ score: 1, positive: true }])).toThrow(/1 positive and 0 negative/);
});

test.each(official.wilson)('Wilson interval of $successes in $n', ({ successes, n, low, high }) => {
  const ours = wilsonInterval(successes, n);
  expect(ours.low).toBeCloseTo(low, 12);
  expect(ours.high).toBeCloseTo(high, 12);
});

test('a bootstrap interval of a mean is near the normal one, repeats by seed, and leaves undefined draws out', () => {
  const sample = Array.from({ length: 400 }, (_, i) => (i % 4 === 0 ? 1 : 0));
  const { low, high } = bootstrapInterval(sample, mean, { seed: 1 });
  const half = 1.96 * Math.sqrt((0.25 * 0.75) / 400);
  expect(Math.abs(low - (0.25 - half))).toBeLessThan(0.01);
  expect(Math.abs(high - (0.25 + half))).toBeLessThan(0.01);
  expect(bootstrapInterval(sample, mean, { seed: 1 })).toEqual({ low, high });
  const few = [
    { score: 0, positive: false },
    { score: 1, positive: true },
  ];
  expect(bootstrapInterval(few, rocAuc)).toEqual({ low: 1, high: 1 });
});
