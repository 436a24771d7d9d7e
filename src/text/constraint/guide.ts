import { FlamingoError } from '../../core/errors';
import { bitMask } from '../../core/sampling';
import type { Automaton, StateSet } from './automaton';
import type { TrieNode } from './token-trie';

/** Where a text under way stands: states of the automaton, and the bytes of a character that is not whole yet. */
interface Place {
  states: StateSet;
  pending: readonly number[];
}

export interface Vocabulary {
  root: TrieNode;
  bytes(id: number): Uint8Array;
  /** Number of ids that logits have. */
  size: number;
  /** The decoder drops one space at the beginning of a text. */
  dropsFirstSpace: boolean;
}

/** Which tokens may come next so that the answer becomes what an automaton accepts. Masks are kept by place: an answer comes to the same places again. */
export class Guide {
  private readonly masks = new Map<string, Uint32Array>();

  constructor(
    private readonly automaton: Automaton,
    private readonly vocabulary: Vocabulary,
    private readonly endIds: readonly number[],
  ) {}

  /** Bits of the tokens that may follow `ids`; those that end an answer where it is complete. Throws `unsupported` where the vocabulary has no way on. */
  allowed(ids: readonly number[]): Uint32Array {
    const place = this.placeAfter(ids);
    const isFirst = ids.length === 0;
    const key = `${isFirst}/${place.states}/${place.pending}`;
    const known = this.masks.get(key);
    if (known) return known;
    const found: number[] = [];
    this.collect(this.vocabulary.root, place, found);
    const space = this.vocabulary.root.children.get(0x20);
    if (isFirst && this.vocabulary.dropsFirstSpace && space) {
      const plain = found.filter((id) => this.vocabulary.bytes(id)[0] !== 0x20);
      found.length = 0;
      found.push(...plain);
      this.collect(space, place, found);
    }
    if (place.pending.length === 0 && this.automaton.accepts(place.states)) found.push(...this.endIds);
    if (found.length === 0) {
      throw new FlamingoError(
        'unsupported',
        `After ${ids.length} tokens, 0 tokens of the vocabulary go on as the constraint asks.`,
        {
          hint: 'The tokenizer cannot write what the constraint demands: use other characters.',
          details: { tokens: ids.length },
        },
      );
    }
    const mask = bitMask(
      this.vocabulary.size,
      found.filter((id) => id < this.vocabulary.size),
    );
    this.masks.set(key, mask);
    return mask;
  }

  private placeAfter(ids: readonly number[]): Place {
    let place: Place = { states: this.automaton.start, pending: [] };
    ids.forEach((id, t) => {
      const bytes = this.vocabulary.bytes(id);
      const skip = t === 0 && this.vocabulary.dropsFirstSpace && bytes[0] === 0x20 ? 1 : 0;
      for (const byte of bytes.subarray(skip)) place = this.after(place, byte) ?? { states: [], pending: [] };
    });
    return place;
  }

  /** Tokens whose bytes from `node` on lead to a place from where the end can be reached. */
  private collect(node: TrieNode, place: Place, found: number[]): void {
    found.push(...node.ids.filter(() => node !== this.vocabulary.root));
    for (const [byte, child] of node.children) {
      const next = this.after(place, byte);
      if (next) this.collect(child, next, found);
    }
  }

  /** The place after one more byte, or undefined where nothing leads on. */
  private after({ states, pending }: Place, byte: number): Place | undefined {
    const bytes = [...pending, byte];
    const range = characterRange(bytes);
    if (!range) return undefined;
    if (!range.isWhole)
      return this.automaton.leadsOn(states, range.low, range.high) ? { states, pending: bytes } : undefined;
    const next = this.automaton.step(states, range.low);
    return next.length > 0 ? { states: next, pending: [] } : undefined;
  }
}

/** The characters that UTF-8 bytes begin; undefined where they begin none. */
function characterRange(bytes: readonly number[]): { low: number; high: number; isWhole: boolean } | undefined {
  const [first, ...rest] = bytes;
  const length =
    first < 0x80
      ? 1
      : first >= 0xc2 && first < 0xe0
        ? 2
        : first >= 0xe0 && first < 0xf0
          ? 3
          : first >= 0xf0 && first < 0xf5
            ? 4
            : 0;
  if (length === 0 || bytes.length > length || rest.some((byte) => byte >> 6 !== 2)) return undefined;
  let low = length === 1 ? first : first & (0xff >> (length + 1));
  for (const byte of rest) low = (low << 6) | (byte & 63);
  const missing = 6 * (length - bytes.length);
  const smallest = [0, 0, 0x80, 0x800, 0x10000][length];
  const [from, to] = [Math.max(low << missing, smallest), Math.min((low << missing) | (2 ** missing - 1), 0x10ffff)];
  if (from > to) return undefined;
  return { low: from, high: to, isWhole: missing === 0 };
}
