import { expect, test } from 'vitest';
import { abba, checksum, median } from './interleave';

test('each of two strategies goes first in half of the rounds, and never three times in a row', () => {
  const first = Array.from({ length: 8 }, (_, round) => abba(round)[0]);
  expect(first).toEqual([0, 1, 1, 0, 0, 1, 1, 0]);
});

test('the median is the middle value, or the mean of the two middle ones', () => {
  expect(median([5, 1, 3])).toBe(3);
  expect(median([4, 1, 3, 100])).toBe(3.5);
});

test('the checksum is FNV-1a over the bytes of the ids, and tells orders apart', () => {
  expect(checksum([])).toBe('811c9dc5');
  expect(checksum([1, 2])).not.toBe(checksum([2, 1]));
  expect(checksum([256])).not.toBe(checksum([1]));
});
