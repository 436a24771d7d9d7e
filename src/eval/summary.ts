import { FlamingoError } from '../core/errors';
import { cider } from '../metrics/cider';
import { bootstrapInterval, type Interval, mean, wilsonInterval } from '../metrics/intervals';
import { rocAuc } from '../metrics/roc-auc';
import { vqaAccuracy } from '../metrics/vqa-accuracy';
import type { Metric } from '../tasks/template';
import type { ItemResult } from './evaluate';

/** One number of shots: the score as papers print it (times 100), with a 95 % interval. */
export interface CurvePoint extends Interval {
  shots: number;
  items: number;
  value: number;
}

/** The official scorer asks ten people; where there is one answer it counts for all of them. */
const PEOPLE = 10;

/** The shot curve of some results. A point that cannot be scored (ROC-AUC of one class) is left out and named in `notes`. */
export function summarize(
  metric: Metric,
  results: readonly ItemResult[],
  seed = 0,
): { curve: CurvePoint[]; notes: string[] } {
  const notes: string[] = [];
  const all = [...new Set(results.map(({ shots }) => shots))].sort((a, b) => a - b);
  const curve = all.flatMap((shots): CurvePoint[] => {
    const items = results.filter((result) => result.shots === shots);
    try {
      const { value, low, high } = score(metric, items, seed);
      return [{ shots, items: items.length, value: 100 * value, low: 100 * low, high: 100 * high }];
    } catch (error) {
      if (!(error instanceof FlamingoError)) throw error;
      notes.push(`${shots} shots: ${error.message}`);
      return [];
    }
  });
  return { curve, notes };
}

function score(metric: Metric, items: readonly ItemResult[], seed: number): Interval & { value: number } {
  switch (metric) {
    case 'accuracy': {
      const right = items.filter(({ answer, references }) => answer.trim() === references[0].trim()).length;
      return { value: right / items.length, ...wilsonInterval(right, items.length) };
    }
    case 'vqa-accuracy':
      return withBootstrap(
        items.map(({ answer, references }) => vqaAccuracy(answer, people(references))),
        seed,
      );
    case 'cider':
      return withBootstrap(cider(items.map(({ answer, references }) => ({ prediction: answer, references }))), seed);
    case 'roc-auc': {
      const scored = items.map(({ shares = {}, references }) => {
        const positive = Object.keys(shares).toSorted().at(-1) ?? ''; // as upstream: the greater label
        return { score: shares[positive] ?? 0, positive: references[0] === positive };
      });
      return { value: rocAuc(scored), ...bootstrapInterval(scored, rocAuc, { seed }) };
    }
  }
}

/** The mean of the items' own scores; weights of words (CIDEr) stay those of all items. */
function withBootstrap(scores: readonly number[], seed: number): Interval & { value: number } {
  return { value: mean(scores), ...bootstrapInterval(scores, mean, { seed }) };
}

function people(references: readonly string[]): readonly string[] {
  return references.length === 1 ? new Array<string>(PEOPLE).fill(references[0]) : references;
}
