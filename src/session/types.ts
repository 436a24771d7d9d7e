import type { KernelTime, MemoryUse } from '../core/executor';
import type { TapSummary } from './tap';

/** What addMedia takes: anything a browser or Node can decode to pixels. Several pictures make one clip. */
export type MediaSource = Blob | ImageBitmap | ImageData;

/** A picture or clip that a session has encoded. Plain data: it crosses the worker boundary. */
export interface MediaHandle {
  readonly id: string;
  readonly frames: number;
}

export interface AddMediaOptions {
  /**
   * Also follow the resampler's attention back to patches: answers with `attention` have a `rollout` then for tokens that see this medium. Runs the resampler once
   * more. A picture that is there already may be added again for it. Throws `unsupported` where features are no grid of patches, and on wasm for packages whose
   * graph does not tell.
   */
  rollout?: boolean;
  signal?: AbortSignal;
}

/** A prompt is a list of parts in reading order. Text stays text, even when it spells a special token. */
export type Part =
  | { type: 'text'; value: string }
  | { type: 'media'; value: MediaHandle }
  /** The token that ends an example or an answer (`<|endofchunk|>`). */
  | { type: 'end-of-chunk' }
  /** One token by its number: special tokens of a model's templates. Image tokens are media parts. */
  | { type: 'token'; id: number }
  /** Vectors [k, E] in the place of k tokens: a visual prefix, as `visualPrefix` of a model makes it. */
  | { type: 'vectors'; value: Float32Array };

/** How an answer is chosen. Checked once, before the first token; see README for what each does. */
export interface GenerateOptions {
  maxNewTokens?: number;
  /** 0 (the default) is greedy. */
  temperature?: number;
  topK?: number;
  topP?: number;
  /** Only tokens at least `minP` times as likely as the likeliest take part; 0 (the default): all. */
  minP?: number;
  /** Logits of tokens that the context holds are divided by it (negative ones multiplied), as in transformers; 1: none. */
  repetitionPenalty?: number;
  /** No sequence of that many tokens comes twice in context and answer, as in transformers; 0: none. */
  noRepeatNgramSize?: number;
  seed?: number;
  /** The answer ends before the first of these; they may begin and end within tokens. */
  stop?: readonly string[];
  /** Give the log-probability of each chosen token, and with `topLogprobs` of the most likely ones at its place. */
  logprobs?: boolean;
  topLogprobs?: number;
  /** Above 1: beam search, whose answer comes in one piece. */
  numBeams?: number;
  /** A finished beam's score is its log-probability over length^penalty. */
  lengthPenalty?: number;
  /** Factor 0..1 on every gate. The context is read again when it was read with another one. */
  visualStrength?: number;
  /** Give the cross-attention of the step that chose each token; with its rollout, where media were added for that. */
  attention?: boolean;
  /** The answer is in full what a regular expression matches, or JSON that a schema allows. */
  responseConstraint?: RegExp | Readonly<Record<string, unknown>>;
  signal?: AbortSignal;
}

/** Natural logarithm of a probability that the model itself gives: before temperature, penalties, bans and constraints. */
export interface TokenLogprob {
  id: number;
  text: string;
  logprob: number;
}

/** Where one step looked: probabilities [layers, heads, media * latents] over the latents of the media its token sees; rows sum to 1. */
export interface TokenAttention {
  media: readonly MediaHandle[];
  layers: number;
  heads: number;
  latents: number;
  probabilities: Float32Array;
  /** The same followed to patches and frames, where every medium of `media` was added with `rollout`. */
  rollout?: TokenRollout;
}

/** Where the mean of a token's cross-attention over gated layers and heads leads, and where that of each gated layer does. */
export interface TokenRollout extends AttentionRollout {
  layers: readonly AttentionRollout[];
}

/**
 * Where a token's cross-attention, averaged over heads, leads through the resampler: attention rollout (Abnar and Zuidema 2020; the formula is at `rollout` in
 * session/rollout.ts). Values and class tokens of all maps together sum to 1.
 */
export interface AttentionRollout {
  maps: readonly AttentionMap[];
  /** What led to the learned latents that the resampler starts with, before the maps were scaled to sum to 1: 0 for a model without a resampler. */
  learned: number;
}

/**
 * One medium of a rollout: shares [frames, height, width] of its patches, row by row, over the square that the vision encoder sees. A picture cut into tiles has them
 * in the place of frames, row by row, padding behind; it lies in the upper left of `tiles`.
 */
export interface AttentionMap {
  media: MediaHandle;
  frames: number;
  height: number;
  width: number;
  values: Float32Array;
  tiles?: { rows: number; columns: number };
  /** The share of the class tokens of all frames; 0 where features have none. */
  classToken: number;
}

/** One step of an answer. `text` is what became complete with this token: '' while a character is unfinished or a stop string may have begun. */
export interface GeneratedToken {
  id: number;
  text: string;
  logprob?: number;
  topLogprobs?: TokenLogprob[];
  attention?: TokenAttention;
}

export interface CandidateScore {
  text: string;
  ids: number[];
  /** Sum and mean of the log-probabilities of the candidate's tokens after the present context. */
  sum: number;
  mean: number;
}

export interface ScoreOptions {
  /** Factor 0..1 on every gate, as in GenerateOptions. */
  visualStrength?: number;
  signal?: AbortSignal;
}

export interface ClassifyOptions extends ScoreOptions {
  /** What is compared: the sum of the log-probabilities (the default), or their mean per token. */
  by?: 'sum' | 'mean';
}

/** A candidate and its share: softmax over the sums (or means) of all candidates. */
export interface RankedCandidate extends CandidateScore {
  probability: number;
}

/** How a picture becomes a vector. */
export interface EmbedOptions {
  /** `features` (the default): the mean of the frozen vision encoder's features. `clip`: CLIP's embedding, in one space with texts; throws `unsupported` without it. */
  by?: 'features' | 'clip';
  signal?: AbortSignal;
}

/** One token of the context and the media it sees: the phi map of the paper. */
export interface ContextToken {
  id: number;
  text: string;
  seen: readonly MediaHandle[];
}

export interface SessionStats {
  executor: 'webgpu' | 'wasm';
  adapter: string;
  visionRuns: number;
  resamplerRuns: number;
  mediaKvProjections: number;
  prefilledTokens: number;
  decodedTokens: number;
  gpuBytes: MemoryUse;
  dispatchesPerToken: number;
  submitsPerToken: number;
  bindGroupsPerToken: number;
  networkRequests: number;
  /** Mean over the decode steps of the last answer. */
  msPerToken: number;
  /** GPU time per kernel, the longest first, of all sessions: where the model was loaded with `profile`. */
  profile?: KernelTime[];
  /** What the stage named by `tap` held in the last run. */
  tap?: TapSummary;
}

/** The interface that the engine's Session, the worker client and a remote endpoint share. */
export interface FlamingoSession extends AsyncDisposable {
  /** Decodes and encodes a picture, or several pictures as one clip. Throws `media-unreadable`. */
  addMedia(source: MediaSource | readonly MediaSource[], options?: AddMediaOptions): Promise<MediaHandle>;
  /** Forgets a medium; its keys and values are freed when no part of the context refers to it. */
  removeMedia(media: MediaHandle): Promise<void>;
  /** Appends a prompt to the context. Throws `media-count` or `context-overflow` before anything is computed. */
  append(parts: readonly Part[], options?: { signal?: AbortSignal }): Promise<void>;
  /**
   * Makes the context what these parts say, and runs only what comes after the tokens that are the same already: examples can be reordered, edited or
   * removed, and earlier turns changed. Throws as `append`; the context is then what it was, unless the signal fired too late to stop it.
   */
  setContext(parts: readonly Part[], options?: { signal?: AbortSignal }): Promise<void>;
  /** Streams an answer until the chunk-end token, a stop token, maxNewTokens or the signal. */
  generate(options?: GenerateOptions): AsyncGenerator<GeneratedToken, void, undefined>;
  /** Log-likelihood of each candidate after the present context, which is left as it was. */
  score(candidates: readonly string[], options?: ScoreOptions): Promise<CandidateScore[]>;
  /** The candidates from the most to the least likely. */
  classify(candidates: readonly string[], options?: ClassifyOptions): Promise<RankedCandidate[]>;
  /** The tokens of the context, and what each of them sees. */
  tokens(): Promise<ContextToken[]>;
  /** Tokens that the context would have with these parts behind it; nothing is read. */
  measure(parts: readonly Part[]): Promise<number>;
  /** Tokens in the context. */
  position(): Promise<number>;
  /** Forgets every token from `position` on. */
  rewind(position: number): Promise<void>;
  /** A copy with its own context; media are shared. */
  fork(): Promise<FlamingoSession>;
  stats(): Promise<SessionStats>;
}
