import { FlamingoError } from './errors';
import type { SampleOptions } from './executor';
import { uniformFromCounter } from './random-counter';

/** Most tokens that take part in a draw; the WGSL engine has the same limit. */
export const MAX_CANDIDATES = 256;

/** Chooses the next token from logits [V]: the most likely (lowest id among equals), or a seeded draw. */
export function sampleToken(logits: Float32Array, options: SampleOptions): number {
  const suppressed = new Set(options.suppress);
  if (!(options.temperature > 0)) return argmax(logits, suppressed);
  const limit = options.topK > 0 ? Math.min(options.topK, MAX_CANDIDATES) : MAX_CANDIDATES;
  const candidates = topCandidates(logits, suppressed, limit);
  const largest = logits[candidates[0]];
  const weights = candidates.map((id) => Math.exp((logits[id] - largest) / options.temperature));
  const total = weights.reduce((a, b) => a + b, 0);
  // The smallest set whose probability reaches topP; the draw is then within that set.
  let kept = 0;
  let mass = 0;
  while (kept < weights.length && (kept === 0 || mass < options.topP * total)) mass += weights[kept++];
  let rest = uniformFromCounter(options.seed, options.step) * mass;
  for (let i = 0; i < kept; i++) {
    rest -= weights[i];
    if (rest < 0) return candidates[i];
  }
  return candidates[kept - 1];
}

function argmax(logits: Float32Array, suppressed: ReadonlySet<number>): number {
  let best = -1;
  for (let id = 0; id < logits.length; id++) {
    if (!suppressed.has(id) && (best < 0 || logits[id] > logits[best]) && !Number.isNaN(logits[id])) best = id;
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
  if (ids.length === 0) throw nothingToChoose(logits);
  return ids.sort((a, b) => logits[b] - logits[a] || a - b).slice(0, limit);
}

function nothingToChoose(logits: Float32Array): FlamingoError {
  return new FlamingoError('internal', `None of ${logits.length} logits is a number that may be chosen.`);
}
