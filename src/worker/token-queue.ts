import type { GeneratedToken } from '../session/types';

/** Pushed tokens, pulled one at a time by a single reader. */
export class TokenQueue {
  private readonly tokens: GeneratedToken[] = [];
  private ended = false;
  private failure: { error: unknown } | undefined;
  private wake: () => void = () => undefined;

  push(token: GeneratedToken): void {
    this.tokens.push(token);
    this.wake();
  }

  /** No more tokens; those already here are still read. */
  end(): void {
    this.ended = true;
    this.wake();
  }

  /** The reader gets this error at once: tokens it has not read are dropped, as they are from the context. */
  fail(error: unknown): void {
    this.failure = { error };
    this.wake();
  }

  /** The next token, or undefined at the end. */
  async next(): Promise<GeneratedToken | undefined> {
    for (;;) {
      if (this.failure) throw this.failure.error;
      const token = this.tokens.shift();
      if (token || this.ended) return token;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }
}
