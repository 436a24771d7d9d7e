import type { MediaHandle } from './types';

/** One token of the context: its id, and the medium it sees (the last one at or before it). */
interface Entry {
  id: number;
  seen: MediaHandle | null;
}

/** The tokens of a session in order, and which medium each of them sees. Plain data: executors hold the rest. */
export class TokenContext {
  private entries: Entry[] = [];

  get length(): number {
    return this.entries.length;
  }

  /** Appends text tokens; they see the last medium so far. */
  pushTokens(ids: readonly number[]): void {
    const seen = this.entries.at(-1)?.seen ?? null;
    for (const id of ids) this.entries.push({ id, seen });
  }

  /** Appends the image token of a medium. */
  pushMedia(imageTokenId: number, media: MediaHandle): void {
    this.entries.push({ id: imageTokenId, seen: media });
  }

  truncate(length: number): void {
    this.entries.length = length;
  }

  /** True when a token of the context sees the medium. */
  refersTo({ id }: MediaHandle): boolean {
    return this.entries.some(({ seen }) => seen?.id === id);
  }

  /** The tokens in order, each with what it sees. */
  get tokens(): readonly Readonly<Entry>[] {
    return this.entries;
  }

  /** Number of tokens that both begin with: equal ids that see the same content. */
  commonLength(other: TokenContext, contentOf: (media: MediaHandle) => string): number {
    const content = ({ seen }: Entry) => (seen ? contentOf(seen) : null);
    const end = Math.min(this.length, other.length);
    for (let t = 0; t < end; t++) {
      const [a, b] = [this.entries[t], other.entries[t]];
      if (a.id !== b.id || (a.seen !== b.seen && content(a) !== content(b))) return t;
    }
    return end;
  }

  /** Takes over the tokens of another context. */
  assign(other: TokenContext): void {
    this.entries = [...other.entries];
  }

  clone(): TokenContext {
    const copy = new TokenContext();
    copy.entries = [...this.entries];
    return copy;
  }

  /** Ids of the tokens from `start` to `end`, the media they see, and per token the index of its medium in that list (-1: none). */
  slice(start: number, end = this.length): { ids: number[]; mediaIndex: number[]; media: MediaHandle[] } {
    const tail = this.entries.slice(start, end);
    const media: MediaHandle[] = [];
    const indices = new Map<string, number>();
    const mediaIndex = tail.map(({ seen }) => {
      if (!seen) return -1;
      let index = indices.get(seen.id);
      if (index === undefined) {
        index = media.push(seen) - 1;
        indices.set(seen.id, index);
      }
      return index;
    });
    return { ids: tail.map(({ id }) => id), mediaIndex, media };
  }
}
