import { FlamingoError } from '../core/errors';
import { logProbabilities } from './log-probabilities';
import type { ContextRunner } from './runner';
import type { CandidateScore, RankedCandidate } from './types';

/** Log-likelihood of each candidate after the context, which is left as it was. */
export async function scoreCandidates(
  runner: ContextRunner,
  candidates: readonly string[],
  signal?: AbortSignal,
): Promise<CandidateScore[]> {
  const { length } = runner;
  if (length === 0) {
    throw new FlamingoError('invalid-option', 'The context has 0 tokens; a score needs at least 1.', {
      hint: 'Append a prompt first.',
    });
  }
  const scores: CandidateScore[] = [];
  const all = candidateIds(runner, candidates);
  try {
    for (const [i, ids] of all.entries()) {
      runner.sequence.truncate(Math.min(runner.sequence.length, length - 1)); // the last token gives the first logits
      runner.context.pushTokens(ids.slice(0, -1));
      const { logits } = await runner.runUntil(runner.length, signal, { logits: 'all' });
      const each = logProbabilities(logits ?? new Float32Array(), ids, runner.parts.manifest.config.vocab);
      scores.push(scored(candidates[i], ids, each));
      runner.forgetFrom(length);
    }
  } finally {
    runner.forgetFrom(length);
  }
  return scores;
}

/** Softmax over the scores, the likeliest first; equal ones in the order they came. */
export function rank(scores: readonly CandidateScore[], by: 'sum' | 'mean'): RankedCandidate[] {
  const largest = Math.max(...scores.map((score) => score[by]));
  const weights = scores.map((score) => Math.exp(score[by] - largest));
  const total = weights.reduce((a, b) => a + b, 0);
  return scores.map((score, i) => ({ ...score, probability: weights[i] / total })).sort((a, b) => b[by] - a[by]);
}

function scored(text: string, ids: number[], logprobs: readonly number[]): CandidateScore {
  const sum = logprobs.reduce((a, b) => a + b, 0);
  return { text, ids, sum, mean: sum / ids.length };
}

/** Ids of every candidate. Throws `invalid-option` for an empty list, an empty candidate and one that is there twice. */
function candidateIds({ parts: { tokenizer } }: ContextRunner, candidates: readonly string[]): number[][] {
  if (candidates.length === 0) {
    throw new FlamingoError('invalid-option', 'There are 0 candidates; at least 1 is needed.', {
      hint: 'Give the answers to choose from.',
    });
  }
  return candidates.map((text, i) => {
    const ids = tokenizer.encodeText(text);
    if (text.trim() === '' || ids.length === 0) {
      throw new FlamingoError(
        'invalid-option',
        `Candidate ${i + 1} of ${candidates.length}, ${JSON.stringify(text)}, has no words.`,
        { hint: 'Remove empty labels.', details: { index: i, candidates: candidates.length } },
      );
    }
    const first = candidates.indexOf(text);
    if (first !== i) {
      throw new FlamingoError(
        'invalid-option',
        `Candidates ${first + 1} and ${i + 1} are both ${JSON.stringify(text)}.`,
        { hint: 'Give each label once.', details: { first, second: i } },
      );
    }
    return ids;
  });
}
