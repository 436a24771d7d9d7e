import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { hasBit } from '../../core/sampling';
import { TextTokenizer } from '../tokenizer';
import { Automaton } from './automaton';
import { Guide } from './guide';
import { schemaRegex } from './json-schema';
import { parseRegex } from './parse-regex';

/** A class without characters, which linters take for a mistake. */
const NOTHING = '[]';

function matches(automaton: Automaton, text: string): boolean {
  let states = automaton.start;
  for (const char of text) states = automaton.step(states, char.codePointAt(0) ?? 0);
  return automaton.accepts(states);
}

const automatonOf = (regex: RegExp) => new Automaton(parseRegex(regex), String(regex));

describe('an expression', () => {
  const cases: [RegExp, string[]][] = [
    [/yes|no/, ['yes', 'no', 'yesno', '', 'ye']],
    [/^a(?:bc?|\d{2,3})+$/, ['ab', 'abc12', 'a1', 'a1234', 'a12345', 'b']],
    [/[^a-c\s]+?x*/, ['dx', 'a', 'd e', 'dd', 'xx']],
    [/(?<word>\w+) \1?/u, []],
    [/caf\u00e9 \u{1f600}./u, ['café 😀!', 'café 😀', 'cafe 😀!']],
    [/[Rr]ed|GREEN/i, ['RED', 'green', 'Green', 'blue']],
    [/a.c/, ['abc', 'a\nc']],
    [/a.c/s, ['a\nc']],
    [/(?:)|[-+]\.5/, ['', '-.5', '+.5', '.5']],
    [/[\]\\-]{2}/, [']-', '\\\\', 'a-']],
  ];
  it.each(cases)('%s matches whole texts as RegExp does', (regex, texts) => {
    if (texts.length === 0) {
      expect(() => automatonOf(regex)).toThrow(expect.objectContaining({ code: 'unsupported' }));
      return;
    }
    const whole = new RegExp(`^(?:${regex.source})$`, regex.flags);
    for (const text of texts) expect(matches(automatonOf(regex), text), text).toBe(whole.test(text));
  });

  it('made at random matches what RegExp matches', () => {
    const leaf = fc.constantFrom('a', 'b', '[ab]', '[^a]', '.', '(?:)', 'ab');
    const grow = (inner: fc.Arbitrary<string>) =>
      fc.oneof(
        fc.tuple(inner, inner).map(([a, b]) => a + b),
        fc.tuple(inner, inner).map(([a, b]) => `(?:${a}|${b})`),
        fc.tuple(inner, fc.constantFrom('*', '+', '?', '{2}', '{1,2}', '{0,}')).map(([a, q]) => `(?:${a})${q}`),
      );
    const source = fc.oneof(leaf, grow(fc.oneof(leaf, grow(fc.oneof(leaf, grow(leaf))))));
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 6 });
    fc.assert(
      fc.property(source, fc.array(text, { minLength: 1, maxLength: 8 }), (pattern, texts) => {
        const automaton = automatonOf(new RegExp(pattern));
        for (const each of texts) expect(matches(automaton, each)).toBe(new RegExp(`^(?:${pattern})$`).test(each));
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    [new RegExp(NOTHING), 'invalid-option', /matches 0 texts/],
    [new RegExp(`a${NOTHING}|${NOTHING}b`), 'invalid-option', /matches 0 texts/],
    [/a(?=b)/, 'unsupported', /at 1: look-around/],
    [/a\b/, 'unsupported', /"\\b"/],
    [/a$b/, 'unsupported', /"\$"/],
    [/a/m, 'unsupported', /the flag m/],
    [/a{2000}/, 'unsupported', /a count above 1000/],
  ])('%s is refused', (regex, code, message) => {
    expect(() => automatonOf(regex)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
  });
});

describe('a JSON schema', () => {
  const schema = {
    type: 'object',
    title: 'An animal',
    properties: {
      name: { type: 'string', maxLength: 8 },
      legs: { type: 'integer' },
      tags: { type: 'array', items: { enum: ['a.b', 1, null] }, minItems: 1, maxItems: 2 },
      tame: { type: ['boolean', 'null'] },
    },
    required: ['legs'],
  };
  it.each([
    ['{"legs":4}', true],
    ['{"name":"Cat \\n\\u00e9", "legs": -12,"tags":["a.b"],"tame":null}', true],
    ['{"legs":4,"tags":["a.b",1],"tame":false}', true],
    ['{"name":"cat"}', false], // a required one is missing
    ['{"legs":4,"tags":[]}', false],
    ['{"legs":4,"tags":[1,1,1]}', false],
    ['{"legs":04}', false],
    ['{"legs":4,"name":"cat"}', false], // another order
    ['{"name":"much too long","legs":4}', false],
    ['{"legs":4,"tags":["a,b"]}', false],
  ])('allows %s: %s', (text, allowed) => {
    const automaton = automatonOf(new RegExp(schemaRegex(schema), 'u'));
    expect(matches(automaton, text)).toBe(allowed);
    if (allowed) expect(JSON.parse(text)).toMatchObject({ legs: expect.any(Number) });
  });

  it.each([
    [{ type: 'string', pattern: 'a' }, '#/pattern'],
    [{ type: 'object', properties: { a: { type: 'integer', minimum: 1 } } }, '#/properties/a/minimum'],
    [{ $ref: '#/x' }, '#/type'],
    [{ type: 'object', properties: {}, required: ['b'] }, '#/required/b'],
  ])('that cannot be followed is refused by name: %j', (bad, at) => {
    expect(() => schemaRegex(bad)).toThrow(expect.objectContaining({ code: 'unsupported', details: { at } }));
  });
});

describe.each(['of-neox', 'of-llama'])('tokens of %s', (family) => {
  const tokenizer = new TextTokenizer(readFileSync(`e2e/goldens/${family}/tokenizer.json`, 'utf8'));
  const vocabulary = { ...tokenizer.vocabulary(), size: 1000 };

  test('write their text as bytes', () => {
    for (const text of [' two boats', 'café 😀 – 漢字', 'a\nb']) {
      const ids = tokenizer.encodeText(text);
      const bytes = ids.flatMap((id) => [...vocabulary.bytes(id)]);
      const whole = new TextDecoder().decode(Uint8Array.from(bytes));
      expect(vocabulary.dropsFirstSpace ? whole.replace(/^ /, '') : whole).toBe(tokenizer.decode(ids));
    }
  });

  test('a guide allows exactly the tokens that lead on, through unfinished characters too', () => {
    const end = 999;
    const guide = new Guide(automatonOf(/ ?(?:two|é😀)+/u), vocabulary, [end]);
    for (const text of ['two', 'é😀é😀', 'twoé😀two']) {
      const ids = tokenizer.encodeText(text);
      for (const [t, id] of ids.entries()) expect(hasBit(guide.allowed(ids.slice(0, t)), id), text).toBe(true);
      expect(hasBit(guide.allowed(ids), end)).toBe(true);
    }
    const cut = tokenizer.encodeText('é😀').slice(0, -1);
    expect(hasBit(guide.allowed(cut), end)).toBe(false);
    const wrong = tokenizer.encodeText('x').at(-1) ?? 0;
    expect(hasBit(guide.allowed([]), wrong)).toBe(false);
  });

  test('what a guide has led to is a match', () => {
    const automaton = automatonOf(/(?:a|red|two)(?: (?:cat|boat)s?){1,3}\./);
    const guide = new Guide(automaton, vocabulary, [999]);
    fc.assert(
      fc.property(fc.infiniteStream(fc.nat()), (choices) => {
        const ids: number[] = [];
        for (let step = 0; step < 60; step++) {
          const mask = guide.allowed(ids);
          const able = Array.from({ length: 1000 }, (_, id) => id).filter((id) => hasBit(mask, id));
          const id = able[(choices.next().value ?? 0) % able.length];
          if (id === 999) break;
          ids.push(id);
        }
        expect(matches(automaton, tokenizer.decode(ids))).toBe(true);
      }),
      { numRuns: 40 },
    );
  });
});
