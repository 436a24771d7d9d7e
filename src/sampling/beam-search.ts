import { FlamingoError } from '../core/errors';
import type { Lanes, LanesStep } from '../core/executor';
import { logSumExp } from '../core/log-probability';

export interface BeamOptions {
  /** Logits [V] after the prompt. */
  logits: Float32Array;
  vocab: number;
  beams: number;
  maxNewTokens: number;
  /** A finished text's score is its log-probability over length^penalty; 0: the sum. */
  lengthPenalty: number;
  /** Tokens that end a text; the first is looked at as transformers' eos token, the others as further ones. */
  endIds: readonly number[];
  suppress: readonly number[];
  /** Changes the scores [V] (log-probabilities) of a beam's next token in place: penalties, n-gram blocking, constraints. */
  process?(ids: readonly number[], scores: Float64Array): void;
  /** Continuations of the prompt, as yet none. */
  lanes: Lanes;
  /** What every new token sees. */
  seen: Omit<LanesStep, 'lanes'>;
  onStep?(): void;
}

/** A text under way. `lane` is where its last token but one was run. */
interface Beam {
  ids: number[];
  score: number;
  lane: number;
}

interface Finished {
  ids: number[];
  score: number;
}

/**
 * The most likely text among `beams` branches, end token included. Follows transformers' BeamSearchScorer with early_stopping=False: twice as many
 * candidates as beams are looked at, texts that end among the first `beams` are set aside, and it stops when no running branch can beat the worst of them.
 * All branches run in one step, whatever their number.
 */
export async function beamSearch(options: BeamOptions): Promise<number[]> {
  const { beams: width, lanes, seen, maxNewTokens } = options;
  const ends = new Set(options.endIds);
  let running: Beam[] = [{ ids: [], score: 0, lane: 0 }];
  let logits = options.logits;
  const finished: Finished[] = [];
  for (let length = 1; ; length++) {
    const candidates = expand(running, logits, options);
    if (candidates.length === 0) break; // a constraint allows nothing any more
    const next: Beam[] = [];
    for (const [rank, { beam, id, score }] of candidates.entries()) {
      const ids = [...running[beam].ids, id];
      if (ends.has(id)) {
        if (rank < width) keep(finished, { ids, score }, options);
      } else if (next.length < width) {
        next.push({ ids, score, lane: beam });
      }
    }
    // As upstream: the best candidate of this length, ended or not, against the worst text set aside.
    const bestNow = candidates[0].score / length ** options.lengthPenalty;
    const done = finished.length >= width && Math.min(...finished.map(({ score }) => score)) >= bestNow;
    if (done) break;
    if (length === maxNewTokens || next.length === 0) {
      for (const beam of next) keep(finished, beam, options);
      break;
    }
    options.onStep?.();
    const steps = next.map(({ ids, lane }) => ({ from: lane, ids: ids.slice(-1) }));
    const result = await lanes.append({ lanes: steps, ...seen, logits: true });
    if (!result.logits) throw new FlamingoError('internal', 'The executor gave no logits for the beams.');
    logits = result.logits;
    running = next.map((beam, lane) => ({ ...beam, lane }));
  }
  if (finished.length === 0) {
    throw new FlamingoError(
      'invalid-option',
      `None of ${running.length} beams can go on after ${running[0].ids.length} tokens.`,
      {
        hint: 'Loosen the constraint, or ask for more tokens.',
      },
    );
  }
  return finished.reduce((best, text) => (text.score > best.score ? text : best)).ids;
}

/** The 2 * width best continuations, descending; equal ones by beam and id. logits [beams, V]. */
function expand(running: readonly Beam[], logits: Float32Array, options: BeamOptions) {
  const { beams: width, vocab, suppress, process } = options;
  const all: { beam: number; id: number; score: number }[] = [];
  running.forEach(({ ids, score }, beam) => {
    const row = logits.subarray(beam * vocab, (beam + 1) * vocab);
    const offset = logSumExp(row);
    const scores = Float64Array.from(row, (value) => value - offset);
    process?.(ids, scores);
    for (const id of suppress) scores[id] = Number.NEGATIVE_INFINITY;
    for (const id of largest(scores, 2 * width)) all.push({ beam, id, score: score + scores[id] });
  });
  return all.sort((a, b) => b.score - a.score).slice(0, 2 * width);
}

/** Ids of the `count` largest scores, descending, equal ones by id; what is banned never comes. */
function largest(scores: Float64Array, count: number): number[] {
  const ids: number[] = [];
  for (let id = 0; id < scores.length; id++) {
    const score = scores[id];
    if (!(score > Number.NEGATIVE_INFINITY) || (ids.length === count && score <= scores[ids[count - 1]])) continue;
    let at = ids.length;
    while (at > 0 && score > scores[ids[at - 1]]) at--;
    ids.splice(at, 0, id);
    if (ids.length > count) ids.pop();
  }
  return ids;
}

/** Keeps the `beams` best finished texts. */
function keep(finished: Finished[], { ids, score }: Finished, { beams, lengthPenalty }: BeamOptions): void {
  finished.push({ ids, score: score / ids.length ** lengthPenalty });
  if (finished.length <= beams) return;
  const worst = finished.reduce((index, text, i) => (text.score < finished[index].score ? i : index), 0);
  finished.splice(worst, 1);
}
