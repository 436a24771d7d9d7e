import { roundToBfloat } from '../../core/half';
import { causalAttention as reference } from '../../reference/attention/causal';
import { uniform } from '../../reference/random';
import { describeKernel } from '../../testing/describe-kernel';
import { causalAttention } from './causal';

const shapes = [
  { rows: 1, position: 0, heads: 1, kv_heads: 1, d: 1, spread: 1 },
  { rows: 1, position: 40, heads: 3, kv_heads: 3, d: 12, spread: 1 },
  { rows: 7, position: 0, heads: 4, kv_heads: 2, d: 24, spread: 1 },
  { rows: 5, position: 17, heads: 3, kv_heads: 1, d: 33, spread: 1 },
  { rows: 2, position: 15, heads: 1, kv_heads: 1, d: 256, spread: 1 },
  { rows: 1, position: 1500, heads: 2, kv_heads: 1, d: 20, spread: 1 },
  { rows: 3, position: 5, heads: 2, kv_heads: 2, d: 16, spread: 100 }, // scores of some thousands
];

/** Rows of three lanes behind a prefix of 18 tokens, as a step of beams or candidates has them: lane and place of each row, in order of slots. */
const PREFIX = 18;
const STRIDE = 5;
const BRANCHES = [
  { path: [20], at: 21 },
  { path: [20, 21], at: 22 },
  { path: [19], at: 23 },
  { path: [], at: 24 },
  { path: [18, 19], at: 25 },
];

function branchCase(ALIBI: number, round: (values: Float32Array) => Float32Array) {
  const [heads, kvHeads, d, rows, position] = [4, 2, 24, BRANCHES.length, 21];
  const capacity = 29;
  const shared = Array.from({ length: PREFIX }, (_, j) => j);
  const paths = BRANCHES.map(({ path, at }) => [...shared, ...path, at]);
  const places = new Uint32Array(rows + rows * STRIDE).fill(999_999);
  for (const [r, path] of paths.entries()) {
    places[r] = path.length - 1;
    places.set(path.slice(PREFIX), rows + r * STRIDE);
  }
  const cache = (seed: number) => {
    const values = round(uniform(kvHeads * capacity * d, -1, 1, seed));
    for (let h = 0; h < kvHeads; h++) values.fill(Number.NaN, (h * capacity + 26) * d, (h + 1) * capacity * d);
    return values;
  };
  const q = round(uniform(rows * heads * d, -1, 1, 1));
  const [keys, values, slopes] = [cache(2), cache(3), uniform(heads, 0, 0.5, 4)];
  const scale = d ** -0.5;
  const sizes = { rows, position, capacity, heads, kvHeads, d, scale, paths };
  return {
    params: { rows, position, capacity, heads, kv_heads: kvHeads, d, scale, prefix: PREFIX, stride: STRIDE },
    overrides: { ALIBI, TREE: 1 },
    buffers: { q, key_cache: keys, value_cache: values, slopes, places, y: rows * heads * d },
    elem: ['q', 'key_cache', 'value_cache', 'y'] as const,
    expected: { y: reference(q, keys, values, ALIBI ? slopes : undefined, sizes) },
  };
}

await describeKernel(causalAttention, {
  'branches of one prefix': (round) => branchCase(0, round),
  'branches of one prefix, ALIBI': (round) => branchCase(1, round),
  ...Object.fromEntries(
    shapes.flatMap(({ spread, ...shape }) =>
      [0, 1, 2].map((ALIBI) => [
        `${JSON.stringify(shape)} x${spread} ALIBI ${ALIBI}`,
        (round: (values: Float32Array) => Float32Array) => {
          const { rows, position, heads, kv_heads: kvHeads, d } = shape;
          const capacity = position + rows + 3;
          const used = position + rows;
          const cache = (seed: number, size: number) => {
            const values = round(uniform(kvHeads * capacity * d, -size, size, seed));
            for (let h = 0; h < kvHeads; h++)
              values.fill(Number.NaN, (h * capacity + used) * d, (h + 1) * capacity * d);
            return values;
          };
          const q = round(uniform(rows * heads * d, -spread, spread, 1));
          const [keys, values] = [cache(2, spread), cache(3, 1)];
          const slopes = uniform(heads, 0, 0.5, 4).map(roundToBfloat);
          const scale = d ** -0.5;
          const sizes = { rows, position, capacity, heads, kvHeads, d, scale, rounded: ALIBI === 2 };
          return {
            params: { ...shape, capacity, scale, prefix: 0, stride: 0 },
            overrides: { ALIBI },
            buffers: {
              q,
              key_cache: keys,
              value_cache: values,
              slopes,
              places: new Uint32Array(4),
              y: rows * heads * d,
            },
            elem: ['q', 'key_cache', 'value_cache', 'y'],
            expected: { y: reference(q, keys, values, ALIBI ? slopes : undefined, sizes) },
          };
        },
      ]),
    ),
  ),
});
