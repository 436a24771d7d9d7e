import { expect, test } from 'vitest';
import { penalize, repeatedNgrams } from './repeats';

test('bans what followed the same tokens before', () => {
  expect(repeatedNgrams([1, 2, 3, 1, 2], 3)).toEqual([3]);
  expect(repeatedNgrams([1, 2, 3, 1, 2, 4, 1, 2], 3)).toEqual([3, 4]);
  expect(repeatedNgrams([1, 2, 3, 4], 3)).toEqual([]);
  expect(repeatedNgrams([5, 6], 1)).toEqual([5, 6]); // no token twice
  expect(repeatedNgrams([5], 3)).toEqual([]);
  expect(repeatedNgrams([1, 1, 1], 0)).toEqual([]);
});

test('a penalty makes seen tokens less likely, once, whatever the sign', () => {
  const scores = Float64Array.of(2, -2, 4, -4);
  penalize(scores, [0, 1, 0], 2);
  expect([...scores]).toEqual([1, -4, 4, -4]);
});
