import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SampleOptions } from './executor';
import { uniformFromCounter } from './random-counter';
import { bitMask, MAX_CANDIDATES, sampleToken, tokenLogprobs } from './sampling';

const options = (change: Partial<SampleOptions>): SampleOptions => ({
  temperature: 1,
  topK: 0,
  topP: 1,
  seed: 7,
  step: 0,
  suppress: [],
  ...change,
});

/** Share of each token over many steps of one seed. */
function shares(logits: number[], change: Partial<SampleOptions>, draws = 20_000): number[] {
  const counts = logits.map(() => 0);
  for (let step = 0; step < draws; step++)
    counts[sampleToken(Float32Array.from(logits), options({ ...change, step }))]++;
  return counts.map((count) => count / draws);
}

describe('greedy', () => {
  const greedy = options({ temperature: 0 });

  test('takes the largest, the lowest id among equals, and never NaN or a suppressed token', () => {
    expect(sampleToken(Float32Array.of(1, 3, 3, 2), greedy)).toBe(1);
    expect(sampleToken(Float32Array.of(Number.NaN, -5, -4), greedy)).toBe(2);
    expect(sampleToken(Float32Array.of(1, 3, 3, 2), { ...greedy, suppress: [1, 2] })).toBe(3);
  });

  test('says so when nothing can be chosen', () => {
    const none = Float32Array.of(Number.NaN, Number.NaN);
    expect(() => sampleToken(none, greedy)).toThrow(expect.objectContaining({ code: 'internal' }));
    expect(() => sampleToken(none, options({}))).toThrow(expect.objectContaining({ code: 'internal' }));
  });
});

describe('adjustments', () => {
  const greedy = options({ temperature: 0 });
  const logits = Float32Array.of(4, 3, -1, -2);

  test('a penalty divides what was seen, and multiplies below zero', () => {
    const seen = bitMask(4, [0, 2]);
    expect(sampleToken(logits, { ...greedy, penalty: 2, seen })).toBe(1);
    expect(sampleToken(logits, { ...greedy, penalty: 3, seen, suppress: [0, 1] })).toBe(3);
    expect(sampleToken(logits, { ...greedy, penalty: 1, seen })).toBe(0);
  });

  test('what is not allowed is never chosen, drawn or not', () => {
    expect(sampleToken(logits, { ...greedy, allowed: bitMask(4, [2, 3]) })).toBe(2);
    const draws = shares([...logits], { temperature: 100, allowed: bitMask(4, [1, 3]) }, 2000);
    expect(draws[0] + draws[2]).toBe(0);
    const none = { ...greedy, allowed: bitMask(4, [0]), suppress: [0] };
    expect(() => sampleToken(logits, none)).toThrow(expect.objectContaining({ code: 'internal' }));
  });

  test('log-probabilities are those of the logits themselves', () => {
    const total = logits.reduce((sum, value) => sum + Math.exp(value), 0);
    const { chosen, top } = tokenLogprobs(logits, 2, 2);
    expect(chosen).toBeCloseTo(-1 - Math.log(total), 9);
    expect(top.map(({ id }) => id)).toEqual([0, 1]);
    expect(top[1].logprob).toBeCloseTo(3 - Math.log(total), 9);
  });
});

describe('a draw', () => {
  const logits = [0, Math.log(2), Math.log(5), Math.log(2)]; // 1 : 2 : 5 : 2

  test('leaves out what is not minP times as likely as the likeliest', () => {
    const [a, b, c, d] = shares(logits, { minP: 0.39 });
    expect([a, b > 0, c > 0, d > 0]).toEqual([0, true, true, true]); // 1/5 of the likeliest is out, 2/5 is in
    expect(shares(logits, { minP: 0.41 })).toEqual([0, 0, 1, 0]);
  });

  test('follows softmax(logits / temperature)', () => {
    const at1 = shares(logits, {});
    for (const [id, p] of [0.1, 0.2, 0.5, 0.2].entries()) expect(Math.abs(at1[id] - p)).toBeLessThan(0.015);
    const hot = shares(logits, { temperature: 2 });
    const roots = [1, Math.SQRT2, Math.sqrt(5), Math.SQRT2];
    const sum = roots.reduce((a, b) => a + b, 0);
    for (const [id, root] of roots.entries()) expect(Math.abs(hot[id] - root / sum)).toBeLessThan(0.015);
  });

  test('topK and topP keep the most likely tokens, and the rest share what they leave', () => {
    expect(shares(logits, { topK: 1 })).toEqual([0, 0, 1, 0]);
    const two = shares(logits, { topK: 2 }); // ids 2 and 1: the lower of two equals
    expect(two[0] + two[3]).toBe(0);
    expect(Math.abs(two[2] - 5 / 7)).toBeLessThan(0.015);
    expect(shares(logits, { topP: 0.5 })).toEqual([0, 0, 1, 0]);
    const most = shares(logits, { topP: 0.8 });
    expect(most[0]).toBe(0);
    expect(Math.abs(most[3] - 2 / 9)).toBeLessThan(0.015);
  });

  test('never gives a suppressed token, and repeats itself for the same seed and step', () => {
    fc.assert(
      fc.property(
        fc.array(fc.float({ min: -20, max: 20, noNaN: true }), { minLength: 3, maxLength: 700 }),
        fc.nat(2 ** 32 - 1),
        fc.nat(1000),
        fc.nat(300),
        (values, seed, step, topK) => {
          const random = options({ seed, step, topK, topP: 0.95, temperature: 0.7, suppress: [0, 2] });
          const token = sampleToken(Float32Array.from(values), random);
          expect([0, 2]).not.toContain(token);
          expect(sampleToken(Float32Array.from(values), random)).toBe(token);
          const larger = values.filter((value, id) => value > values[token] && id !== 0 && id !== 2).length;
          expect(larger).toBeLessThan(Math.min(topK || MAX_CANDIDATES, MAX_CANDIDATES));
        },
      ),
    );
  });
});

test('random numbers of a seed are in [0, 1), spread evenly, and those of neighbouring seeds differ', () => {
  const values = Array.from({ length: 4096 }, (_, step) => uniformFromCounter(3, step));
  expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...values)).toBeLessThan(1);
  const buckets = new Array(16).fill(0);
  for (const value of values) buckets[Math.floor(value * 16)]++;
  for (const count of buckets) expect(Math.abs(count - 256)).toBeLessThan(80); // five standard deviations
  expect(values.slice(0, 8)).not.toEqual(Array.from({ length: 8 }, (_, step) => uniformFromCounter(4, step)));
  expect(new Set(values).size).toBeGreaterThan(4090);
});
