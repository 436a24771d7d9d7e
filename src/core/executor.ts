/**
 * What a session needs from whatever runs the model after the vision encoder. Two implementations over one package: the WGSL engine
 * (src/model) and onnxruntime-web (src/ort), each other's oracle. Letters: F frames, v patches, T tokens, n latents, V vocabulary.
 */
export interface Executor extends Disposable {
  readonly kind: 'webgpu' | 'wasm';
  /** The device in words, for stats and the page. */
  readonly adapter: string;
  /**
   * Resampler and key/value projections of every gated layer, once. features: [F, v, Dv] of one picture (F = 1, or its tiles) or clip. `seen`: the latents that
   * tokens see, the first ones; the rest is padding. Default: all.
   */
  encodeMedia(features: Float32Array, frames: number, seen?: number): Promise<EncodedMedia>;
  /**
   * Attention of the resampler's layers, first to last, for the features of one medium: probabilities [H, n, F*v + n], keys being the features of all frames and
   * then the latents. Runs the resampler once more, for those who ask. Throws `unsupported` where the model has a projection instead, or the package's graph does
   * not give them.
   */
  resamplerAttention(features: Float32Array, frames: number): Promise<Float32Array[]>;
  /** A medium from the bytes that its `save` gave; nothing is computed. `seen` as for `encodeMedia`. Undefined for another number of bytes. */
  restoreMedia(saved: Uint8Array<ArrayBuffer>, seen?: number): Promise<EncodedMedia | undefined>;
  /** An empty token sequence with room for `capacity` tokens. */
  createSequence(capacity: number): Promise<Sequence>;
  memory(): MemoryUse;
  /** Time per kernel, where the model was loaded with `profile`. */
  profile?(): Promise<KernelTime[] | undefined>;
  readonly counters: ExecutorCounters;
}

/** One picture or clip as the decoder reads it: keys and values for all gated layers. */
export interface EncodedMedia extends Disposable {
  readonly bytes: number;
  /** Latents [n, Dv], read back on request. */
  latents(): Promise<Float32Array>;
  /** All of it as bytes, for `restoreMedia` of the same kind of executor over the same package. */
  save(): Promise<Uint8Array<ArrayBuffer>>;
}

/** The KV cache of one token sequence. Not re-entrant: await one call before the next. */
export interface Sequence extends Disposable {
  readonly capacity: number;
  /** Tokens in the cache. */
  readonly length: number;
  /** Runs the decoder over further tokens. Throws `context-overflow` before anything is computed when they do not fit. */
  append(step: AppendStep): Promise<AppendResult>;
  /** Forgets all tokens from `length` on. */
  truncate(length: number): void;
  /** A copy with its own cache; later appends to one do not show in the other. */
  fork(): Promise<Sequence>;
  /** Continuations of this sequence side by side, with room for `tokens` tokens in all. The sequence itself must rest until they are disposed of. */
  lanes(tokens: number): Promise<Lanes>;
}

/** Beams, or candidates: continuations of one prefix, all of which every step runs at once. At first there is one lane, without a token of its own. */
export interface Lanes extends Disposable {
  /** Replaces the lanes by those of the step: copies of present ones with tokens behind them. */
  append(step: LanesStep): Promise<LanesResult>;
}

export interface LanesStep {
  lanes: readonly Lane[];
  /** What every new token sees, as in AppendStep. */
  media: readonly EncodedMedia[];
  mediaIndex: number;
  mediaFirst?: number;
  /** Read back the logits after each lane's last token, [lanes, V]. */
  logits?: boolean;
  /** No step follows: the lanes need not be kept. */
  final?: boolean;
  visualStrength?: number;
  signal?: AbortSignal;
}

export interface Lane {
  /** The present lane that it continues. */
  from: number;
  ids: readonly number[];
  /** After each of `ids`, the token whose log-probability is wanted. */
  targets?: readonly number[];
}

export interface LanesResult {
  logits?: Float32Array;
  /** By lane, natural logarithms for its targets. */
  logprobs: number[][];
}

export interface AppendStep {
  ids: readonly number[];
  /** Per token: the index in `media` of the last picture at or before it, or -1. */
  mediaIndex: readonly number[];
  /** Per token: the first of the media that it sees, up to `mediaIndex`. Default: that one alone. Only for models whose tokens see several. */
  mediaFirst?: readonly number[];
  /** Per token: a vector [E] in the place of its row of the embedding table, where it has one. Throws `unsupported` where the package's graph does not take them. */
  vectors?: readonly (Float32Array | undefined)[];
  /** Where tokens before the first medium see all media, these are all of the prompt. */
  media: readonly EncodedMedia[];
  /** Logits to read back: of every new token [T, V], of the last [V], or none. */
  logits?: 'all' | 'last';
  /** Choose the next token from the last logits. With the WGSL engine this happens on the GPU, in the same submit. */
  sample?: SampleOptions;
  /** Named intermediate results to read back: `hidden.<block>` [T, D], `attention.<k>` [H, T, M*n]. */
  taps?: readonly string[];
  /** Factor on every gate; default 1. Throws `unsupported` where the package's graph has no such input and it is not 1. */
  visualStrength?: number;
  signal?: AbortSignal;
}

export interface AppendResult {
  logits?: Float32Array;
  /** The chosen token, when `sample` was given. */
  token?: number;
  /** With `sample.logprobs`. */
  logprobs?: TokenLogprobs;
  taps: Map<string, Float32Array>;
}

export interface SampleOptions {
  /** 0 takes the most likely token. */
  temperature: number;
  /** Only the `topK` most likely tokens take part; 0: all (the engine may cap it at 256). */
  topK: number;
  /** Smallest set of tokens whose probability reaches topP. */
  topP: number;
  /** Same seed, same step, same device: same token. */
  seed: number;
  /** Counter of the random number within the seed. */
  step: number;
  /** Tokens that are never chosen. */
  suppress: readonly number[];
  /** Only tokens at least `minP` times as likely as the likeliest take part in a draw; default 0. */
  minP?: number;
  /** Logits of the `seen` tokens (a bit per token of the vocabulary) are divided by it, negative ones multiplied. */
  penalty?: number;
  seen?: Uint32Array;
  /** Bits of the tokens that may be chosen; default all. */
  allowed?: Uint32Array;
  /** Also give log-probabilities: of the chosen token, and of so many of the most likely ones. */
  logprobs?: number;
}

/** Natural logarithms of probabilities that the model itself gives: penalties, bans and temperature play no part. */
export interface TokenLogprobs {
  chosen: number;
  top: { id: number; logprob: number }[];
}

/** GPU time of all dispatches of one kernel so far. */
export interface KernelTime {
  kernel: string;
  dispatches: number;
  ms: number;
}

/** Bytes held on the device (or in wasm memory), by purpose. */
export interface MemoryUse {
  weights: number;
  selfKv: number;
  mediaKv: number;
  scratch: number;
}

/** Counters of the work an executor did since it was made. */
export interface ExecutorCounters {
  resamplerRuns: number;
  mediaKvProjections: number;
  prefilledTokens: number;
  decodedTokens: number;
  submits: number;
  dispatches: number;
  /** Of the last decode step: design asks for 1 submit, 0 bind groups, 0 buffers. */
  lastStep: { submits: number; dispatches: number; bindGroups: number; buffers: number };
}
