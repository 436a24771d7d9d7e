import { addedToken, byteLevelTokenizer } from '../../convert/byte-level';

/** A tokenizer.json of so many tokens without merges: one for every printable letter of ASCII; the added tokens are the last. */
export function letterTokenizer(tokens: number, added = ['<|endofchunk|>', '<image>']) {
  const own = tokens - added.length;
  const name = (id: number) => (id < 94 ? String.fromCharCode(33 + id) : `token${id}`);
  return byteLevelTokenizer({
    vocab: Object.fromEntries(Array.from({ length: own }, (_, id) => [name(id), id])),
    merges: [],
    added: added.map((content, i) => addedToken(content, own + i)),
  });
}
