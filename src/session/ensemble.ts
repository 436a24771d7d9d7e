import { FlamingoError } from '../core/errors';
import { uniformFromCounter } from '../core/random-counter';
import { rank } from './candidates';
import type { CandidateScore, ClassifyOptions, FlamingoSession, Part, RankedCandidate } from './types';

/** Orders of the examples that the paper averages over. */
const MOST_ORDERS = 6;

export interface EnsembleOptions extends ClassifyOptions {
  /** What stands before the examples: an instruction, say. */
  prefix?: readonly Part[];
  /** The same seed gives the same orders. */
  seed?: number;
  /** Orders to average over, when there are as many; default 6. */
  orders?: number;
}

/**
 * Prompt ensembling: log-likelihoods of the candidates, averaged over min(6, n!) different orders of the n examples, the given one first (Flamingo 2022, appendix on
 * in-context learning). Pictures are encoded already, so that an order costs its text. The session's own context stays as it is. Throws as `append` and `score` do.
 */
export async function scoreEnsemble(
  session: FlamingoSession,
  prompt: { examples: readonly (readonly Part[])[]; query: readonly Part[] },
  candidates: readonly string[],
  { prefix = [], seed = 0, orders = MOST_ORDERS, ...options }: EnsembleOptions = {},
): Promise<CandidateScore[]> {
  await using own = await session.fork();
  const all: CandidateScore[][] = [];
  for (const order of permutations(prompt.examples.length, orders, seed)) {
    const examples = order.map((i) => prompt.examples[i]);
    await own.setContext([prefix, ...examples, prompt.query].flat(), options);
    all.push(await own.score(candidates, options));
  }
  return all[0].map((first, i) => {
    const sum = all.reduce((total, scores) => total + scores[i].sum, 0) / all.length;
    return { ...first, sum, mean: sum / first.ids.length };
  });
}

/** As scoreEnsemble, from the most to the least likely. */
export async function classifyEnsemble(
  session: FlamingoSession,
  prompt: { examples: readonly (readonly Part[])[]; query: readonly Part[] },
  candidates: readonly string[],
  options: EnsembleOptions = {},
): Promise<RankedCandidate[]> {
  return rank(await scoreEnsemble(session, prompt, candidates, options), options.by ?? 'sum');
}

/** min(most, n!) different orders of 0 .. n - 1, the natural one first, the others drawn by the seed. Throws `invalid-option` for less than one. */
export function permutations(n: number, most: number, seed: number): number[][] {
  if (!Number.isInteger(most) || most < 1) {
    throw new FlamingoError('invalid-option', `${most} orders of the examples were asked for; at least 1 is needed.`, {
      hint: 'Leave `orders` out.',
    });
  }
  const count = Math.min(most, factorialUpTo(n, most));
  const natural = Array.from({ length: n }, (_, i) => i);
  const found = new Map([[natural.join(), natural]]);
  for (let step = 0; found.size < count; ) {
    const order = [...natural];
    for (let i = n - 1; i > 0; i--) {
      const j = Math.floor(uniformFromCounter(seed, step++) * (i + 1));
      [order[i], order[j]] = [order[j], order[i]];
    }
    found.set(order.join(), order);
  }
  return [...found.values()];
}

/** n!, or `most` where it is larger. */
function factorialUpTo(n: number, most: number): number {
  let product = 1;
  for (let i = 2; i <= n && product < most; i++) product *= i;
  return Math.min(product, most);
}
