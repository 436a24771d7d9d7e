import { FlamingoError } from '../core/errors';
import { ptbTokens } from './ptb-tokenize';

const LONGEST = 4;
const SIGMA = 6;

/** Terms of each length 1..4 with their weights; `length` is the number of bigrams, as the official code counts it. */
interface Vector {
  weights: Map<string, number>[];
  norms: number[];
  length: number;
}

/**
 * CIDEr-D of each item, times 10 as the official scorer gives it; their mean is the corpus score (papers print it times 100). The weights of words come from the
 * references of all items. Source: Vedantam et al. 2015; pycocoevalcap/cider/cider_scorer.py. Throws `invalid-option` for an item without references.
 */
export function cider(items: readonly { prediction: string; references: readonly string[] }[]): number[] {
  const bare = items.findIndex(({ references }) => references.length === 0);
  if (bare >= 0) {
    throw new FlamingoError('invalid-option', `Item ${bare + 1} of ${items.length} has 0 references; CIDEr needs 1.`, {
      hint: 'Give every item at least one reference caption.',
      details: { item: bare },
    });
  }
  const cooked = items.map(({ prediction, references }) => ({
    test: countTerms(ptbTokens(prediction)),
    references: references.map((text) => countTerms(ptbTokens(text))),
  }));
  const frequency = new Map<string, number>();
  for (const { references } of cooked)
    for (const term of new Set(references.flatMap((counts) => [...counts.keys()])))
      frequency.set(term, (frequency.get(term) ?? 0) + 1);
  const logItems = Math.log(items.length);
  const vector = (counts: Map<string, number>) => weigh(counts, frequency, logItems);
  return cooked.map(({ test, references }) => {
    const own = vector(test);
    const sum = references.reduce((total, counts) => total + similarity(own, vector(counts)), 0);
    return (10 * sum) / references.length;
  });
}

/** How often each run of 1 to 4 words occurs. */
function countTerms(words: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (let n = 1; n <= LONGEST; n++)
    for (let i = 0; i + n <= words.length; i++) {
      const term = words.slice(i, i + n).join(' ');
      counts.set(term, (counts.get(term) ?? 0) + 1);
    }
  return counts;
}

function weigh(counts: Map<string, number>, frequency: ReadonlyMap<string, number>, logItems: number): Vector {
  const weights = Array.from({ length: LONGEST }, () => new Map<string, number>());
  const squares = new Array<number>(LONGEST).fill(0);
  let length = 0;
  for (const [term, count] of counts) {
    const n = term.split(' ').length - 1;
    const weight = count * (logItems - Math.log(Math.max(1, frequency.get(term) ?? 0)));
    weights[n].set(term, weight);
    squares[n] += weight ** 2;
    if (n === 1) length += count;
  }
  return { weights, norms: squares.map(Math.sqrt), length };
}

/** Mean over term lengths of the clipped cosine, less for captions of another length. */
function similarity(test: Vector, reference: Vector): number {
  const penalty = Math.exp(-((test.length - reference.length) ** 2) / (2 * SIGMA ** 2));
  let sum = 0;
  for (let n = 0; n < LONGEST; n++) {
    let product = 0;
    for (const [term, weight] of test.weights[n]) {
      const other = reference.weights[n].get(term) ?? 0;
      product += Math.min(weight, other) * other;
    }
    const norms = test.norms[n] * reference.norms[n];
    sum += (norms === 0 ? product : product / norms) * penalty;
  }
  return sum / LONGEST;
}
