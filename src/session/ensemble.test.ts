import { expect, test } from 'vitest';
import { permutations } from '../core/permutations';
import { example, goldenModel, goldenPicture, sums } from '../testing/golden-model';
import { classifyEnsemble, scoreEnsemble } from './ensemble';

test('as many different orders as there are, at most as many as asked, the same for one seed', () => {
  expect(permutations(0, 6, 1)).toEqual([[]]);
  expect(permutations(1, 6, 1)).toEqual([[0]]);
  expect(permutations(2, 6, 1)).toEqual([
    [0, 1],
    [1, 0],
  ]);
  for (const n of [3, 8, 32]) {
    const orders = permutations(n, 6, 5);
    expect(new Set(orders.map((order) => order.join())).size).toBe(6);
    expect(orders[0]).toEqual([...orders[0]].sort((a, b) => a - b));
    for (const order of orders) expect([...order].sort((a, b) => a - b)).toEqual(orders[0]);
    expect(permutations(n, 6, 5)).toEqual(orders);
  }
  expect(permutations(8, 6, 6)).not.toEqual(permutations(8, 6, 5));
});

test('the mean over every order, with no picture encoded again, and the context left alone', async () => {
  await using model = await goldenModel('of-neox', 'wasm');
  await using session = await model.createSession();
  const pictures = [];
  for (const index of [0, 1, 2]) pictures.push(await session.addMedia(goldenPicture('of-neox', index)));
  const examples = [example(pictures[0], ' a red cat.'), example(pictures[1], ' two boats.')];
  const query = example(pictures[2]);
  await session.append(query);
  const position = await session.position();
  const candidates = [' a red cat.', ' two boats.'];
  const before = await session.stats();
  const got = await scoreEnsemble(session, { examples, query }, candidates);
  const after = await session.stats();
  expect([after.visionRuns, after.resamplerRuns]).toEqual([before.visionRuns, before.resamplerRuns]);
  expect(await session.position()).toBe(position);
  const each: number[][] = [];
  for (const order of [examples, [...examples].reverse()]) {
    await using alone = await session.fork();
    await alone.setContext([...order, query].flat());
    each.push(await sums(alone, candidates));
  }
  for (const [i, { sum, mean, ids }] of got.entries()) {
    expect(Math.abs(sum - (each[0][i] + each[1][i]) / 2)).toBeLessThan(1e-4);
    expect(mean).toBeCloseTo(sum / ids.length, 9);
  }
  await expect(scoreEnsemble(session, { examples, query }, candidates, { orders: 0 })).rejects.toMatchObject({
    code: 'invalid-option',
  });
  const ranked = await classifyEnsemble(session, { examples, query }, candidates);
  expect(ranked[0].sum).toBe(Math.max(...got.map(({ sum }) => sum)));
});
