/** One way to decode. Tokens are fed back greedily; the prompt has been read when a strategy is made. */
export interface Strategy extends AsyncDisposable {
  readonly name: 'flamingo-web' | 'onnxruntime-web';
  /** Feeds one token and gives the next. */
  next(token: number): Promise<number>;
}

/** A strategy after the prompt, and the first token it chose. */
export interface Started {
  strategy: Strategy;
  first: number;
}
