import { describe, expect, test } from 'vitest';
import { softmax } from '../reference/attention/softmax';
import type { Rows } from '../reference/model/math';
import { rollout as reference } from '../reference/model/rollout';
import { uniform } from '../reference/random';
import { follow, type MediaRollout, rollout } from './rollout';

/** Probabilities of random scores, as heads of rows. */
function layer(heads: number, n: number, features: number, seed: number): Rows[] {
  return Array.from({ length: heads }, (_, h) =>
    Array.from({ length: n }, (_, i) => softmax([...uniform(features + n, -4, 4, (seed * 31 + h) * 31 + i)])),
  );
}

const sum = (values: Iterable<number>) => [...values].reduce((a, b) => a + b, 0);

describe.each([
  { layers: 1, heads: 1, n: 1, features: 3 },
  { layers: 3, heads: 2, n: 5, features: 14 },
  { layers: 6, heads: 3, n: 4, features: 10 },
])('%o', ({ layers, heads, n, features }) => {
  const attention = Array.from({ length: layers }, (_, i) => layer(heads, n, features, i + 1));

  test('shares of features equal the f64 reference, and what is missing to 1 is with the learned latents', () => {
    const flat = attention.map((rows) => Float32Array.from(rows.flat(2)));
    const got = rollout(flat, { heads, latents: n, features });
    const want = reference(attention);
    for (const [i, row] of want.entries()) {
      for (let x = 0; x < features; x++) expect(Math.abs(got[i * features + x] - row[x])).toBeLessThan(1e-6);
      expect(sum(row)).toBeCloseTo(1, 10);
    }
  });
});

describe('attention of one token', () => {
  // Two frames of a class token and four patches; latents that come from few features.
  const grid = { classTokens: 1, height: 2, width: 2 } as const;
  const shares = Float32Array.from([...[0.1, 0.2, 0, 0, 0, 0, 0, 0, 0.3, 0], ...[0, 0, 0.5, 0, 0, 0.2, 0, 0, 0, 0.1]]);
  const clip: MediaRollout = { frames: 2, grid, shares };

  test('is put on the grid of every frame, class tokens apart, and sums to 1', () => {
    const { maps, learned } = follow([clip], Float32Array.of(0.5, 0.5));
    const total = 0.7; // half of 0.6 and half of 0.8
    expect(learned).toBeCloseTo(1 - total, 6);
    const want = [0.1, 0.25, 0, 0, 0, 0, 0.15, 0.05].map((value) => value / total);
    for (const [i, value] of want.entries()) expect(maps[0].values[i]).toBeCloseTo(value, 6);
    expect(maps[0].classToken).toBeCloseTo((0.05 + 0.1) / total, 6);
    expect(sum(maps[0].values) + maps[0].classToken).toBeCloseTo(1, 6);
  });

  test('over several media sums to 1 over all of them', () => {
    const { maps } = follow([clip, clip], Float32Array.of(0.1, 0.2, 0.3, 0.4));
    expect(sum(maps.flatMap(({ values, classToken }) => [...values, classToken]))).toBeCloseTo(1, 6);
    expect(sum(maps[1].values)).toBeGreaterThan(sum(maps[0].values));
  });

  test('without a resampler is the attention itself', () => {
    const { maps, learned } = follow([{ frames: 1, grid }], Float32Array.of(0.2, 0.1, 0.3, 0.15, 0.25));
    expect(maps[0].classToken).toBeCloseTo(0.2, 6);
    expect([...maps[0].values].map((value) => Number(value.toFixed(6)))).toEqual([0.1, 0.3, 0.15, 0.25]);
    expect(learned).toBeCloseTo(0, 6);
  });

  test('of a token that sees nothing is nothing', () => {
    expect(follow([], new Float32Array())).toEqual({ maps: [], learned: 0 });
    const { maps, learned } = follow([clip], new Float32Array(2));
    expect(sum(maps[0].values) + maps[0].classToken + learned).toBe(0);
  });
});
