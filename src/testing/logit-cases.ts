import { uniform } from '../reference/random';

/** Logits that a choice can go wrong on: one, ties, NaN, infinities, suppressed favourites, more than one turn of the lanes. */
export const logitCases: Record<string, { logits: () => Float32Array; suppress: number[] }> = {
  'one token': { logits: () => Float32Array.of(-3), suppress: [] },
  'a prime number of tokens': { logits: () => uniform(1009, -5, 5, 1), suppress: [] },
  'ties: the lowest id': {
    logits: () => Float32Array.from({ length: 700 }, (_, i) => (i % 100 === 37 ? 2 : 1)),
    suppress: [37],
  },
  'all equal': { logits: () => new Float32Array(300).fill(-1), suppress: [0, 1] },
  'NaN never wins': {
    logits: () => uniform(513, -5, 5, 2).map((v, i) => (i % 3 === 0 ? Number.NaN : v)),
    suppress: [],
  },
  'the favourites are suppressed': {
    logits: () => Float32Array.from({ length: 600 }, (_, i) => i),
    suppress: [599, 598, 300],
  },
  'large numbers': { logits: () => uniform(400, -1e4, 1e4, 3), suppress: [5] },
};
