import { firstMedia, lastMedia, type Sees } from '../text/media-positions';
import type { MediaHandle } from './types';

/** One token of the context: its id, and the medium whose image token it is. */
interface Entry {
  id: number;
  medium: MediaHandle | null;
  /** In the place of the token's embedding, [E]. */
  vector?: Float32Array;
}

/** What tokens see of the media: `gated.sees` and `gated.lead` of a package's config. */
export interface SeeingRule {
  sees?: Sees;
  lead?: 'no-attention' | 'no-feed-forward';
}

/** The tokens of a session in order, and which media each of them sees. Plain data: executors hold the rest. */
export class TokenContext {
  private entries: Entry[] = [];
  /** Tokens that were taken off, by their places: see takeLast. */
  private taken = new Map<number, number>();

  constructor(private readonly rule: SeeingRule = {}) {}

  get length(): number {
    return this.entries.length;
  }

  /** Appends text tokens. */
  pushTokens(ids: readonly number[]): void {
    for (const id of ids) this.entries.push({ id, medium: null });
  }

  /** Appends the image token of a medium. */
  pushMedia(imageTokenId: number, media: MediaHandle): void {
    this.entries.push({ id: imageTokenId, medium: media });
  }

  /** Appends vectors [k, width] in the place of k tokens, which count as `id` where tokens are counted. */
  pushVectors(id: number, vectors: Float32Array, width: number): void {
    for (let at = 0; at < vectors.length; at += width)
      this.entries.push({ id, medium: null, vector: vectors.slice(at, at + width) });
  }

  /** True when the last tokens are these, and none of them a medium's. */
  endsWith(ids: readonly number[]): boolean {
    const tail = this.entries.slice(this.length - Math.min(ids.length, this.length));
    return (
      tail.length === ids.length &&
      tail.every(({ id, medium, vector }, i) => id === ids[i] && medium === null && !vector)
    );
  }

  /** The last token, where it is text. */
  get lastText(): number | undefined {
    const last = this.entries.at(-1);
    return last && !last.medium && !last.vector ? last.id : undefined;
  }

  /** Takes the last token off, to be written otherwise with what comes behind it. A truncation to the length that the context has now brings it back. */
  takeLast(): void {
    const last = this.entries.pop();
    if (last) this.taken.set(this.length, last.id);
  }

  truncate(length: number): void {
    this.entries.length = length;
    const end = this.taken.get(length - 1);
    if (end !== undefined) this.entries[length - 1] = { id: end, medium: null };
    for (const place of this.taken.keys()) if (place >= length - 1) this.taken.delete(place);
  }

  /** True when the medium stands in the context. */
  refersTo({ id }: MediaHandle): boolean {
    return this.entries.some(({ medium }) => medium?.id === id);
  }

  get ids(): number[] {
    return this.entries.map(({ id }) => id);
  }

  /** The tokens in order, each with what it sees. */
  get tokens(): readonly { id: number; seen: readonly MediaHandle[] }[] {
    const { media, first, last } = this.views();
    return this.entries.map(({ id }, t) => ({
      id,
      seen: last[t] < 0 ? (this.leadSeesAll ? media : []) : media.slice(first[t], last[t] + 1),
    }));
  }

  /**
   * Number of tokens that both begin with: equal ids that see the same content. Text that sees the media behind it has nothing in common with the same text before
   * others.
   */
  commonLength(other: TokenContext, contentOf: (media: MediaHandle) => string): number {
    if (this.leadingView(contentOf) !== other.leadingView(contentOf)) return 0;
    const end = Math.min(this.length, other.length);
    for (let t = 0; t < end; t++) {
      const [a, b] = [this.entries[t], other.entries[t]];
      if (!sameVector(a, b)) return t;
      if (a.id !== b.id || (a.medium !== b.medium && contentAt(a, contentOf) !== contentAt(b, contentOf))) return t;
    }
    return end;
  }

  /** Takes over the tokens of another context. */
  assign(other: TokenContext): void {
    this.entries = [...other.entries];
    this.taken = new Map(other.taken);
  }

  clone(): TokenContext {
    const copy = new TokenContext(this.rule);
    copy.assign(this);
    return copy;
  }

  /** Ids of the tokens from `start` to `end`, the media they see, per token the range of its media in that list (-1: none before it), and vectors where there are some. */
  slice(
    start: number,
    end = this.length,
  ): {
    ids: number[];
    mediaIndex: number[];
    mediaFirst: number[];
    media: MediaHandle[];
    vectors?: (Float32Array | undefined)[];
  } {
    const { media, first, last } = this.views();
    const [from, to] = [first.slice(start, end), last.slice(start, end)];
    const all = this.leadSeesAll && to[0] === -1;
    const places = [...media.keys()].filter((m) => all || to.some((end_, t) => m >= from[t] && m <= end_));
    const place = (m: number) => (m < 0 ? -1 : places.indexOf(m));
    const vectors = this.entries.slice(start, end).map(({ vector }) => vector);
    return {
      ids: this.entries.slice(start, end).map(({ id }) => id),
      mediaIndex: to.map(place),
      mediaFirst: from.map(place),
      media: places.map((m) => media[m]),
      ...(vectors.some(Boolean) ? { vectors } : {}),
    };
  }

  private get leadSeesAll(): boolean {
    return this.rule.lead === 'no-feed-forward';
  }

  /** All media in order, and per token the range of those that it sees. */
  private views(): { media: MediaHandle[]; first: number[]; last: number[] } {
    const isMedium = this.entries.map(({ medium }) => medium !== null);
    const media = this.entries.flatMap(({ medium }) => (medium ? [medium] : []));
    return { media, first: firstMedia(isMedium, this.rule.sees), last: lastMedia(isMedium) };
  }

  /** What the text before the first medium sees of all media, as a text to compare. */
  private leadingView(contentOf: (media: MediaHandle) => string): string {
    const hasLead = this.leadSeesAll && this.entries[0]?.medium === null;
    return hasLead ? this.views().media.map(contentOf).join() : '';
  }
}

function contentAt({ medium }: Entry, contentOf: (media: MediaHandle) => string): string | null {
  return medium ? contentOf(medium) : null;
}

function sameVector({ vector: a }: Entry, { vector: b }: Entry): boolean {
  return a === b || (a !== undefined && a.length === b?.length && a.every((value, i) => value === b[i]));
}
