import type { MemoryUse } from '../core/executor';

/** What addMedia takes: anything a browser or Node can decode to pixels. Several pictures make one clip. */
export type MediaSource = Blob | ImageBitmap | ImageData;

/** A picture or clip that a session has encoded. Plain data: it crosses the worker boundary. */
export interface MediaHandle {
  readonly id: string;
  readonly frames: number;
}

/** A prompt is a list of parts in reading order. Text stays text, even when it spells a special token. */
export type Part =
  | { type: 'text'; value: string }
  | { type: 'media'; value: MediaHandle }
  /** The token that ends an example or an answer (`<|endofchunk|>`). */
  | { type: 'end-of-chunk' };

export interface GenerateOptions {
  maxNewTokens?: number;
  /** 0 (the default) is greedy. */
  temperature?: number;
  topK?: number;
  topP?: number;
  seed?: number;
  signal?: AbortSignal;
}

/** One step of an answer. `text` is what became complete with this token: '' while a character is unfinished. */
export interface GeneratedToken {
  id: number;
  text: string;
}

export interface CandidateScore {
  text: string;
  ids: number[];
  /** Sum and mean of the log-probabilities of the candidate's tokens after the present context. */
  sum: number;
  mean: number;
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
}

/** The interface that the engine's Session, the worker client and a remote endpoint share. */
export interface FlamingoSession extends AsyncDisposable {
  /** Decodes and encodes a picture, or several pictures as one clip. Throws `media-unreadable`. */
  addMedia(source: MediaSource | readonly MediaSource[], options?: { signal?: AbortSignal }): Promise<MediaHandle>;
  /** Forgets a medium; its keys and values are freed when no part of the context refers to it. */
  removeMedia(media: MediaHandle): Promise<void>;
  /** Appends a prompt to the context. Throws `media-count` or `context-overflow` before anything is computed. */
  append(parts: readonly Part[], options?: { signal?: AbortSignal }): Promise<void>;
  /** Streams an answer until the chunk-end token, a stop token, maxNewTokens or the signal. */
  generate(options?: GenerateOptions): AsyncGenerator<GeneratedToken, void, undefined>;
  /** Log-likelihood of each candidate after the present context, which is left as it was. */
  score(candidates: readonly string[], options?: { signal?: AbortSignal }): Promise<CandidateScore[]>;
  /** Tokens in the context. */
  position(): Promise<number>;
  /** Forgets every token from `position` on. */
  rewind(position: number): Promise<void>;
  /** A copy with its own context; media are shared. */
  fork(): Promise<FlamingoSession>;
  stats(): Promise<SessionStats>;
}
