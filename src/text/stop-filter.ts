/** A piece of text that came with one token. */
export interface Piece<T> {
  token: T;
  text: string;
}

/**
 * Holds text back while it may be the beginning of a stop string, which may begin and end within tokens. What is let through never contains one, and at the end
 * of the text nothing is lost.
 */
export class StopFilter<T> {
  private held: Piece<T>[] = [];
  /** True once a stop string was found; nothing more is let through then. */
  stopped = false;

  constructor(private readonly stops: readonly string[]) {}

  /** What may be shown after this piece. A token in which a stop string begins keeps its text before it; tokens behind that are dropped. */
  push(piece: Piece<T>): Piece<T>[] {
    if (this.stopped) return [];
    this.held.push(piece);
    const text = this.held.map((each) => each.text).join('');
    const found = this.stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0);
    if (found.length > 0) {
      this.stopped = true;
      return this.cut(Math.min(...found));
    }
    return this.release(text.length - this.suspect(text));
  }

  /** What was held back, when the answer ends without a stop string. */
  flush(): Piece<T>[] {
    const rest = this.held;
    this.held = [];
    return this.stopped ? [] : rest;
  }

  /** Length of the longest end of the text that a stop string begins with. */
  private suspect(text: string): number {
    let longest = 0;
    for (const stop of this.stops) {
      for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
        if (text.endsWith(stop.slice(0, length))) longest = length;
      }
    }
    return longest;
  }

  /** Pieces that end within the first `length` characters. */
  private release(length: number): Piece<T>[] {
    const free: Piece<T>[] = [];
    let at = 0;
    while (this.held.length > 0 && at + this.held[0].text.length <= length) {
      const piece = this.held.shift() as Piece<T>;
      at += piece.text.length;
      free.push(piece);
    }
    return free;
  }

  /** Pieces of the first `length` characters, the last of them cut. */
  private cut(length: number): Piece<T>[] {
    const kept: Piece<T>[] = [];
    let at = 0;
    for (const { token, text } of this.held) {
      if (at >= length) break;
      kept.push({ token, text: text.slice(0, length - at) });
      at += text.length;
    }
    this.held = [];
    return kept;
  }
}
