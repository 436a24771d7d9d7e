import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Picture } from './content';
import * as draft from './draft';

const picture = (id: string): Picture => ({ id, blob: new Blob(), name: `${id}.png`, url: `blob:${id}` });

/** Reads `[a]` as picture a: `What is [a] this` is a draft with a picture between the words. */
function parse(shown: string): draft.Draft {
  const parts = shown
    .split(/\[(\w+)\]/)
    .map((value, i) =>
      i % 2 === 0 ? ({ type: 'text', value } as const) : ({ type: 'picture', value: picture(value) } as const),
    );
  return draft.toDraft(parts);
}

function show({ text, pictures }: draft.Draft): string {
  let from = 0;
  let shown = '';
  for (const { offset, id } of pictures) {
    shown += `${text.slice(from, offset)}[${id}]`;
    from = offset;
  }
  return shown + text.slice(from);
}

describe('editText', () => {
  it.each([
    ['typing behind a picture', '[a]', 'What?', '[a]What?'],
    ['typing on', 'This is [a]', 'This is a cat', 'This is [a]a cat'],
    ['typing before', 'two words[a]', 'two more words', 'two more words[a]'],
    ['deleting the words around', 'one [a]two', 'o', 'o[a]'],
    ['replacing everything', 'one [a]two', 'xyz', '[a]xyz'],
  ])('%s', (_name, before, text, after) => {
    expect(show(draft.editText(parse(before), text))).toBe(after);
  });

  it('never loses a picture, its order or the range of its offset', () => {
    const words = fc.stringMatching(/^[ab ]{0,6}$/);
    fc.assert(
      fc.property(words, words, words, words, (one, two, three, text) => {
        const { pictures } = draft.editText(parse(`${one}[a]${two}[b]${three}`), text);
        expect(pictures.map(({ id }) => id)).toEqual(['a', 'b']);
        expect(0 <= pictures[0].offset && pictures[0].offset <= pictures[1].offset).toBe(true);
        expect(pictures[1].offset).toBeLessThanOrEqual(text.length);
      }),
    );
  });
});

describe('movePicture', () => {
  it.each([
    ['over a picture to the left', '[a][b]x', 'b', -1, '[b][a]x'],
    ['over a picture to the right', '[a][b]x', 'a', 1, '[b][a]x'],
    ['over a word to the left', 'What is [a]', 'a', -1, 'What [a]is '],
    ['over a word to the right', '[a]What is', 'a', 1, 'What [a]is'],
    ['over the last word', 'What [a]is', 'a', 1, 'What is[a]'],
    ['no further than the beginning', '[a]x', 'a', -1, '[a]x'],
    ['no further than the end', 'x[a]', 'a', 1, 'x[a]'],
    ['up to a picture within the word', 'ab[a]cd[b]', 'b', -1, 'ab[a][b]cd'],
  ] as const)('%s', (_name, before, id, direction, after) => {
    expect(show(draft.movePicture(parse(before), id, direction))).toBe(after);
  });

  it('reaches every place: left often enough is first, right often enough is last', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[ab ]{0,8}$/), fc.stringMatching(/^[ab ]{0,8}$/), (one, two) => {
        let moving = parse(`${one}[a]${two}[b]`);
        for (let i = 0; i < 20; i++) moving = draft.movePicture(moving, 'b', -1);
        expect(show(moving).startsWith('[b]')).toBe(true);
        for (let i = 0; i < 20; i++) moving = draft.movePicture(moving, 'b', 1);
        expect(show(moving).endsWith('[b]')).toBe(true);
      }),
    );
  });
});

describe('placePicture', () => {
  it.each([
    ['between words', '[a]one two', 'a', 4, undefined, 'one [a]two'],
    ['before another', '[a][b][c]', 'c', 0, 'a', '[c][a][b]'],
    ['behind the others', '[a][b]x', 'a', 0, undefined, '[b][a]x'],
    ['onto itself', 'x[a]y', 'a', 1, 'a', 'x[a]y'],
  ] as const)('%s', (_name, before, id, offset, other, after) => {
    expect(show(draft.placePicture(parse(before), id, offset, other))).toBe(after);
  });
});

describe('insertParts', () => {
  it.each([
    ['into nothing', '', '[a]one[b]', 0, '[a]one[b]'],
    ['between words', 'one three', '[a]two ', 4, 'one [a]two three'],
    ['behind a picture at the caret, before later ones', 'x[a]y[b]z', '1[c]2', 1, 'x[a]1[c]2y[b]z'],
    ['behind the end', 'x', '[a]', 99, 'x[a]'],
  ] as const)('%s', (_name, before, inserted, caret, after) => {
    expect(show(draft.insertParts(parse(before), draft.toMessage(parse(inserted)), caret))).toBe(after);
  });
});

describe('messages', () => {
  it('keep the order of words and pictures', () => {
    const { text, pictures } = parse('This is a cat: [a] and this is [b]');
    const parts = draft.toMessage({ text, pictures });
    expect(parts.map((part) => (part.type === 'text' ? part.value : part.value.id))).toEqual([
      'This is a cat: ',
      'a',
      ' and this is ',
      'b',
    ]);
    expect(draft.toDraft(parts)).toEqual({ text, pictures });
  });

  it.each([
    ['one[a]', true],
    ['one[a] ', true],
    ['[a]one', false],
    ['one[a]two', false],
    ['[a]', false],
  ])('%s: all words before the pictures is %s', (shown, expected) => {
    expect(draft.wordsComeFirst(parse(shown))).toBe(expected);
    expect(draft.wordsComeFirst(draft.picturesFirst(parse(shown)))).toBe(false);
  });

  it('a new picture stands at the caret, behind those already there', () => {
    expect(show(draft.insertPictures(parse('one [a]two'), [picture('b'), picture('c')], 4))).toBe('one [a][b][c]two');
    expect(show(draft.removePicture(parse('one [a]two[b]'), 'a'))).toBe('one two[b]');
  });
});
