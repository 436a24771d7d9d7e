import { expect, test } from 'vitest';
import { firstMedia, lastMedia, type Sees } from './media-positions';

/** I stands for an image token, t for text. */
const tokens = (text: string) => [...text].map((letter) => letter === 'I');

test('the last medium so far', () => {
  expect(lastMedia(tokens('ttItIIt'))).toEqual([-1, -1, 0, 0, 1, 2, 2]);
});

test.each<[Sees | undefined, string, number[]]>([
  [undefined, 'ttItIIt', [-1, -1, 0, 0, 1, 2, 2]],
  ['last', 'IIt', [0, 1, 1]],
  ['adjacent', 'ttItIIt', [-1, -1, 0, 0, 1, 1, 1]],
  ['adjacent', 'IItItII', [0, 0, 0, 2, 2, 3, 3]],
  ['all', 'tItIIt', [-1, 0, 0, 0, 0, 0]],
  ['all', '', []],
])('%s over %s', (sees, text, expected) => {
  expect(firstMedia(tokens(text), sees)).toEqual(expected);
});
