/**
 * Merges of byte pair encoding from SentencePiece's pieces: every way to put a piece together from two others, by the piece's score, then by the lengths of the two.
 * Source: transformers convert_slow_tokenizer.py, generate_merges.
 */
export function mergesOf(pieces: readonly string[], scores: readonly number[]): [string, string][] {
  const ids = new Map(pieces.map((piece, id) => [piece, id]));
  const merges = pieces.flatMap((piece, id) => splits(piece, ids).map((pair) => ({ pair, score: scores[id] })));
  merges.sort(
    (a, b) => b.score - a.score || length(b.pair[0]) - length(a.pair[0]) || length(b.pair[1]) - length(a.pair[1]),
  );
  return merges.map(({ pair }) => pair);
}

/** The two-part splits of a piece whose parts are pieces, by their numbers. */
function splits(piece: string, ids: ReadonlyMap<string, number>): [string, string][] {
  const letters = [...piece]; // by code point, as Python counts
  const pairs: [string, string][] = [];
  for (let at = 1; at < letters.length; at++) {
    const [left, right] = [letters.slice(0, at).join(''), letters.slice(at).join('')];
    if (ids.has(left) && ids.has(right)) pairs.push([left, right]);
  }
  const id = (part: string) => ids.get(part) ?? 0;
  return pairs.sort((a, b) => id(a[0]) - id(b[0]) || id(a[1]) - id(b[1]));
}

function length(text: string): number {
  return [...text].length;
}
