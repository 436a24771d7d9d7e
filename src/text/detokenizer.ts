/** U+FFFD: what decoding gives for bytes that are not (yet) a character. */
const REPLACEMENT = '\ufffd';

/** A character has at most 4 bytes, one token each at worst; more tokens than that end in bytes that never become one. */
const MOST_HELD = 4;

/** Turns a stream of ids into a stream of complete text: bytes of an unfinished character are held back until it is whole. */
export class Detokenizer {
  private readonly ids: number[] = [];
  /** ids[start..done] are decoded again with what follows, because spaces depend on the token before. */
  private start = 0;
  private done = 0;

  constructor(private readonly decode: (ids: readonly number[]) => string) {}

  /** Text that became complete with this id. */
  push(id: number): string {
    this.ids.push(id);
    const text = this.decode(this.ids.slice(this.start));
    if (text.endsWith(REPLACEMENT) && this.ids.length - this.done < MOST_HELD) return '';
    return this.emit(text);
  }

  /** What is still held back at the end, unfinished characters as U+FFFD. */
  flush(): string {
    return this.done === this.ids.length ? '' : this.emit(this.decode(this.ids.slice(this.start)));
  }

  private emit(text: string): string {
    const before = this.decode(this.ids.slice(this.start, this.done));
    this.start = this.done;
    this.done = this.ids.length;
    return text.slice(before.length);
  }
}
