import { expect, it } from 'vitest';
import { isSafeLink } from './answer-markdown';
import { formatBytes } from './view-status';

it.each([
  [0, '0 bytes'],
  [999, '999 bytes'],
  [1500, '1.50 kB'],
  [17_340_000, '17.3 MB'],
  [1_220_000_000, '1.22 GB'],
])('%d bytes read as %s', (bytes, expected) => {
  expect(formatBytes(bytes)).toBe(expected);
});

it.each([
  ['https://example.test/a', true],
  ['mailto:a@example.test', true],
  ['javascript:alert(1)', false],
  ['JaVaScRiPt:alert(1)', false],
  ['data:text/html,x', false],
  ['/relative', false],
  ['', false],
])('a link to %s is safe: %s', (address, expected) => {
  expect(isSafeLink(address)).toBe(expected);
});
