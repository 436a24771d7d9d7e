import { FlamingoError } from '../core/errors';
import { logSumExp } from '../core/log-probability';
import type { ContextRunner } from './runner';
import type { CandidateScore, RankedCandidate } from './types';

/** Tokens of candidates that run side by side: one submit of the WGSL engine. */
const BATCH_TOKENS = 128;

/** Log-likelihood of each candidate after the context, which is left as it was and read once. */
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
  const all = candidateIds(runner, candidates);
  const longest = length + Math.max(...all.map((ids) => ids.length)) - 1;
  if (longest > runner.capacity) throw runner.overflow(longest);
  const first = await runner.lastLogits(signal);
  const normaliser = logSumExp(first);
  const scores = all.map((ids) => [first[ids[0]] - normaliser]);
  for (const batch of batches(all)) {
    const tokens = batch.reduce((sum, i) => sum + all[i].length - 1, 0);
    const { lanes, seen } = await runner.lanes(tokens);
    using _ = lanes;
    const steps = batch.map((i) => ({ from: 0, ids: all[i].slice(0, -1), targets: all[i].slice(1) }));
    const { logprobs } = await lanes.append({ lanes: steps, ...seen, final: true, signal });
    batch.forEach((i, b) => void scores[i].push(...logprobs[b]));
  }
  return all.map((ids, i) => scored(candidates[i], ids, scores[i]));
}

/** Candidates of more than one token in groups of about BATCH_TOKENS, by index. */
function batches(all: readonly (readonly number[])[]): number[][] {
  const groups: number[][] = [];
  let room = 0;
  for (const [i, { length }] of all.entries()) {
    if (length < 2) continue; // its only token is scored already
    if (length - 1 > room) {
      groups.push([]);
      room = BATCH_TOKENS;
    }
    groups[groups.length - 1].push(i);
    room -= length - 1;
  }
  return groups;
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
