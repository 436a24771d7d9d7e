import type { Sequence } from '../core/executor';

export interface BeamOptions {
  /** Logits [V] after the prompt. */
  logits: Float32Array;
  vocab: number;
  beams: number;
  maxNewTokens: number;
  /** A finished text's score is its log-probability over length^penalty; 0: the sum. */
  lengthPenalty: number;
  endId: number;
  suppress: readonly number[];
  /** Holds the prompt; stays as it is. */
  sequence: Sequence;
  promptLength: number;
  /** Appends one token to a branch and gives its next logits [V]. */
  step(branch: Sequence, token: number): Promise<Float32Array>;
}

interface Beam {
  ids: number[];
  score: number;
  logits: Float32Array;
  sequence: Sequence;
}

interface Finished {
  ids: number[];
  score: number;
}

/**
 * The most likely text among `beams` branches, end token included. Follows transformers' BeamSearchScorer with early_stopping=False: twice as many
 * candidates as beams are looked at, texts that end among the first `beams` are set aside, and it stops when no running branch can beat the worst of them.
 */
export async function beamSearch(options: BeamOptions): Promise<number[]> {
  const { beams: width, sequence } = options;
  let running: Beam[] = [{ ids: [], score: 0, logits: options.logits, sequence: await sequence.fork() }];
  const finished: Finished[] = [];
  for (let length = 1; length <= options.maxNewTokens; length++) {
    const candidates = expand(running, options);
    const next: { from: Beam; id: number; score: number }[] = [];
    for (const [rank, candidate] of candidates.entries()) {
      if (candidate.id === options.endId) {
        if (rank < width)
          keep(finished, { ids: [...candidate.from.ids, candidate.id], score: candidate.score }, options);
      } else if (next.length < width) {
        next.push(candidate);
      }
    }
    // As upstream: the best candidate of this length, ended or not, against the worst text set aside.
    const bestNow = candidates[0].score / length ** options.lengthPenalty;
    const done = finished.length >= width && Math.min(...finished.map(({ score }) => score)) >= bestNow;
    const after =
      done || length === options.maxNewTokens
        ? next.map(({ from, id, score }) => ({ ids: [...from.ids, id], score }))
        : undefined;
    if (after) {
      for (const beam of running) beam.sequence[Symbol.dispose]();
      if (!done) for (const beam of after) keep(finished, beam, options);
      break;
    }
    running = await branch(running, next, options);
  }
  return finished.reduce((best, text) => (text.score > best.score ? text : best)).ids;
}

/** The 2 * width best continuations, descending; equal ones by beam and id. */
function expand(running: Beam[], { beams, vocab, suppress }: BeamOptions) {
  const banned = new Set(suppress);
  const all: { from: Beam; id: number; score: number }[] = [];
  for (const from of running) {
    const offset = logSumExp(from.logits);
    const best = Array.from({ length: vocab }, (_, id) => id)
      .filter((id) => !banned.has(id))
      .sort((a, b) => from.logits[b] - from.logits[a])
      .slice(0, 2 * beams);
    for (const id of best) all.push({ from, id, score: from.score + from.logits[id] - offset });
  }
  return all.sort((a, b) => b.score - a.score).slice(0, 2 * beams);
}

/** Gives every chosen continuation a cache of its own and runs its token. */
async function branch(
  running: Beam[],
  chosen: { from: Beam; id: number; score: number }[],
  options: BeamOptions,
): Promise<Beam[]> {
  const next: Beam[] = [];
  for (const { from, id, score } of chosen) {
    const sequence = await from.sequence.fork();
    next.push({ ids: [...from.ids, id], score, sequence, logits: await options.step(sequence, id) });
  }
  for (const beam of running) beam.sequence[Symbol.dispose]();
  return next;
}

/** Keeps the `beams` best finished texts. */
function keep(finished: Finished[], { ids, score }: Finished, { beams, lengthPenalty }: BeamOptions): void {
  finished.push({ ids, score: score / ids.length ** lengthPenalty });
  if (finished.length <= beams) return;
  const worst = finished.reduce((index, text, i) => (text.score < finished[index].score ? i : index), 0);
  finished.splice(worst, 1);
}

function logSumExp(logits: Float32Array): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (const value of logits) largest = Math.max(largest, value);
  let sum = 0;
  for (const value of logits) sum += Math.exp(value - largest);
  return largest + Math.log(sum);
}
