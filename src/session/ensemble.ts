import { FlamingoError } from '../core/errors';
import { permutations } from '../core/permutations';
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
  if (!Number.isInteger(orders) || orders < 1) {
    throw new FlamingoError(
      'invalid-option',
      `${orders} orders of the examples were asked for; at least 1 is needed.`,
      {
        hint: 'Leave `orders` out.',
      },
    );
  }
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
