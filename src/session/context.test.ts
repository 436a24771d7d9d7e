import { describe, expect, test } from 'vitest';
import { TokenContext } from './context';
import type { MediaHandle } from './types';

const [a, b, c] = ['a', 'b', 'c'].map((id): MediaHandle => ({ id, frames: 1 }));
const content = ({ id }: MediaHandle) => id;
const IMAGE = 9;

/** A context of text tokens (numbers) and media. */
function context(
  rule: ConstructorParameters<typeof TokenContext>[0],
  ...items: (number | MediaHandle)[]
): TokenContext {
  const made = new TokenContext(rule);
  for (const item of items) {
    if (typeof item === 'number') made.pushTokens([item]);
    else made.pushMedia(IMAGE, item);
  }
  return made;
}

describe('a context whose tokens see the last medium', () => {
  test('gives a step only what its tokens see', () => {
    const whole = context({}, 1, a, 2, b, 3);
    expect(whole.slice(0)).toEqual({
      ids: [1, IMAGE, 2, IMAGE, 3],
      mediaIndex: [-1, 0, 0, 1, 1],
      mediaFirst: [-1, 0, 0, 1, 1],
      media: [a, b],
    });
    expect(whole.slice(4)).toEqual({ ids: [3], mediaIndex: [0], mediaFirst: [0], media: [b] });
  });

  test('keeps results of the text before a medium that changes', () => {
    expect(context({}, 1, 2, a, 3).commonLength(context({}, 1, 2, b, 3), content)).toBe(2);
  });
});

describe('a context whose tokens see adjacent media, and all media before the first one', () => {
  const rule = { sees: 'adjacent', lead: 'no-feed-forward' } as const;

  test('gives every token its range', () => {
    const whole = context(rule, 1, a, b, 2, c, 3);
    expect(whole.slice(0)).toMatchObject({
      mediaIndex: [-1, 0, 1, 1, 2, 2],
      mediaFirst: [-1, 0, 0, 0, 2, 2],
      media: [a, b, c],
    });
    expect(whole.slice(3, 4)).toEqual({ ids: [2], mediaIndex: [1], mediaFirst: [0], media: [a, b] });
    expect(whole.slice(0, 1)).toEqual({ ids: [1], mediaIndex: [-1], mediaFirst: [-1], media: [a, b, c] });
    expect(whole.tokens[0].seen).toEqual([a, b, c]);
    expect(whole.tokens[3].seen).toEqual([a, b]);
  });

  test('shares nothing with a context of other media behind the same text, and everything without such text', () => {
    expect(context(rule, 1, a, 2).commonLength(context(rule, 1, a, 2, b), content)).toBe(0);
    expect(context(rule, 1, 2).commonLength(context(rule, 1, 2, 3), content)).toBe(2);
    expect(context(rule, a, 2).commonLength(context(rule, a, 2, b), content)).toBe(2);
  });
});
