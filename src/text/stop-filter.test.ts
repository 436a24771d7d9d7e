import fc from 'fast-check';
import { expect, test } from 'vitest';
import { StopFilter } from './stop-filter';

/** Runs pieces through a filter: what was shown after each, and in all. */
function run(stops: readonly string[], pieces: readonly string[]) {
  const filter = new StopFilter<number>(stops);
  const shown = pieces.map((text, token) => filter.push({ token, text }));
  return { filter, shown, all: [...shown.flat(), ...filter.flush()] };
}

test('a stop string over several tokens is held back, and cut at its beginning', () => {
  const { shown, all, filter } = run(['\nUser:'], ['Two ', 'cats.\nU', 'se', 'r: hi', ' there']);
  expect(shown.map((pieces) => pieces.map(({ text }) => text))).toEqual([['Two '], [], [], ['cats.'], []]);
  expect(all.map(({ token }) => token)).toEqual([0, 1]);
  expect(filter.stopped).toBe(true);
});

test('what only looked like a stop string comes after all, with its own tokens', () => {
  const { shown, all } = run(['abcd'], ['xab', 'c', 'e', 'ab']);
  expect(shown.map((pieces) => pieces.map(({ token }) => token))).toEqual([[], [], [0, 1, 2], []]);
  expect(all).toEqual(['xab', 'c', 'e', 'ab'].map((text, token) => ({ token, text })));
});

test('whatever the pieces, the text shown is the text before the first stop string', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 4 });
  fc.assert(
    fc.property(
      fc.array(letters),
      fc.array(
        letters.filter((stop) => stop !== ''),
        { maxLength: 3 },
      ),
      (pieces, stops) => {
        const text = pieces.join('');
        // The first stop string that is complete ends the text: later pieces are never made.
        let end = text.length;
        for (let at = 0, seen = ''; at < pieces.length; at++) {
          seen += pieces[at];
          const found = stops.map((stop) => seen.indexOf(stop)).filter((i) => i >= 0);
          if (found.length === 0) continue;
          end = Math.min(...found);
          break;
        }
        expect(
          run(stops, pieces)
            .all.map((piece) => piece.text)
            .join(''),
        ).toBe(text.slice(0, end));
      },
    ),
  );
});
