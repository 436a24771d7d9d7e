import { expect, test } from 'vitest';
import { patchGrid } from './patch-grid';

const grid = (patches: number) => patchGrid({ vision: { width: 8, patches, imageSize: 32 } });

test.each([
  [1, 0, 1],
  [2, 1, 1],
  [49, 0, 7],
  [256, 0, 16],
  [257, 1, 16],
  [1601, 1, 40],
])('%d features are %d class tokens and squares of %d', (patches, classTokens, side) => {
  expect(grid(patches)).toEqual({ classTokens, height: side, width: side });
});

test('other numbers are refused with the number', () => {
  for (const patches of [3, 7, 261]) {
    expect(() => grid(patches)).toThrow(expect.objectContaining({ code: 'unsupported', details: { patches } }));
  }
});
