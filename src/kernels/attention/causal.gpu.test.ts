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

await describeKernel(
  causalAttention,
  Object.fromEntries(
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
            params: { ...shape, capacity, scale },
            overrides: { ALIBI },
            buffers: { q, key_cache: keys, value_cache: values, slopes, y: rows * heads * d },
            elem: ['q', 'key_cache', 'value_cache', 'y'],
            expected: { y: reference(q, keys, values, ALIBI ? slopes : undefined, sizes) },
          };
        },
      ]),
    ),
  ),
);
