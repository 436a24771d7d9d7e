import { FlamingoError } from './errors';
import type { SampleOptions, TokenLogprobs } from './executor';
import { logSumExp } from './log-probability';
import { uniformFromCounter } from './random-counter';

/** Most tokens that take part in a draw; the WGSL engine has the same limit. */
export const MAX_CANDIDATES = 256;

/** Chooses the next token from logits [V]: the most likely (lowest id among equals), or a seeded draw. */
export function sampleToken(logits: Float32Array, options: SampleOptions): number {
  const adjusted = adjustLogits(logits, options);
  const suppressed = new Set(options.suppress);
  if (!(options.temperature > 0)) return argmax(adjusted, suppressed);
  const limit = options.topK > 0 ? Math.min(options.topK, MAX_CANDIDATES) : MAX_CANDIDATES;
  const candidates = topCandidates(adjusted, suppressed, limit);
  if (candidates.length === 0) throw nothingToChoose(logits);
  const largest = adjusted[candidates[0]];
  const weights = candidates.map((id) => Math.exp((adjusted[id] - largest) / options.temperature));
  const total = weights.reduce((a, b) => a + b, 0);
  // The smallest set whose probability reaches topP, less what minP leaves out; the draw is then within that set.
  let kept = 0;
  let mass = 0;
  const isIn = (i: number) => i === 0 || (mass < options.topP * total && weights[i] >= (options.minP ?? 0));
  while (kept < weights.length && isIn(kept)) mass += weights[kept++];
  let rest = uniformFromCounter(options.seed, options.step) * mass;
  for (let i = 0; i < kept; i++) {
    rest -= weights[i];
    if (rest < 0) return candidates[i];
  }
  return candidates[kept - 1];
}

/** Log-probabilities that the logits [V] themselves give to `token` and to the `count` most likely tokens. */
export function tokenLogprobs(logits: Float32Array, token: number, count: number): TokenLogprobs {
  const sum = logSumExp(logits);
  const top = count > 0 ? topCandidates(logits, new Set(), count) : [];
  return { chosen: logits[token] - sum, top: top.map((id) => ({ id, logprob: logits[id] - sum })) };
}

/** Whether bit `id` of a mask over the vocabulary is set. */
export function hasBit(mask: Uint32Array, id: number): boolean {
  return ((mask[id >>> 5] >>> (id & 31)) & 1) === 1;
}

/** A mask over `vocab` tokens with the bits of `ids` set. */
export function bitMask(vocab: number, ids: Iterable<number>): Uint32Array<ArrayBuffer> {
  const mask = new Uint32Array(Math.ceil(vocab / 32));
  for (const id of ids) mask[id >>> 5] |= 1 << (id & 31);
  return mask;
}

/** Logits of `seen` tokens divided by the penalty (negative ones multiplied), of tokens that are not `allowed` minus infinity; Keskar et al. 2019. */
function adjustLogits(logits: Float32Array, { penalty = 1, seen, allowed }: SampleOptions): Float32Array {
  if (!allowed && (penalty === 1 || !seen)) return logits;
  return logits.map((value, id) => {
    if (allowed && !hasBit(allowed, id)) return Number.NEGATIVE_INFINITY;
    if (!seen || !hasBit(seen, id)) return value;
    return value < 0 ? value * penalty : value / penalty;
  });
}

function argmax(logits: Float32Array, suppressed: ReadonlySet<number>): number {
  let best = -1;
  for (let id = 0; id < logits.length; id++) {
    const value = logits[id];
    if (!suppressed.has(id) && (best < 0 || value > logits[best]) && value > Number.NEGATIVE_INFINITY) best = id;
  }
  if (best >= 0) return best;
  throw nothingToChoose(logits);
}

/** Ids of the largest logits, descending; equal ones by id. Only those above the smallest that can take part are sorted as ids. */
function topCandidates(logits: Float32Array, suppressed: ReadonlySet<number>, limit: number): number[] {
  const possible = logits.map((value, id) =>
    suppressed.has(id) || Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value,
  );
  const smallest = possible.slice().sort().at(-limit) ?? Number.NEGATIVE_INFINITY;
  const ids: number[] = [];
  possible.forEach((value, id) => {
    if (value >= smallest && value > Number.NEGATIVE_INFINITY) ids.push(id);
  });
  return ids.sort((a, b) => logits[b] - logits[a] || a - b).slice(0, limit);
}

function nothingToChoose(logits: Float32Array): FlamingoError {
  return new FlamingoError('internal', `None of ${logits.length} logits is a number that may be chosen.`);
}
