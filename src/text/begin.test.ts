import { expect, test } from 'vitest';
import { withBegin } from './begin';

test.each([
  ['text', '<s>text'],
  ['IItext I', 'II<s>text I'],
  ['I', 'I<s>'],
  ['I <s>text', 'I <s>text'],
  ['', '<s>'],
])('%j begins as %j', (prompt, expected) => {
  expect(withBegin(prompt, 'I', { content: '<s>' })).toBe(expected);
  expect(withBegin(prompt, 'I', undefined)).toBe(prompt);
});
