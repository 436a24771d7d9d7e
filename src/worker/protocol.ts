import type { SerializedError } from '../core/errors';
import type { LoadedModel, LoadOptions, LoadProgress, ModelSource } from '../session/load-types';
import type {
  AddMediaOptions,
  CandidateScore,
  ClassifyOptions,
  ContextToken,
  EmbedOptions,
  GeneratedToken,
  GenerateOptions,
  MediaHandle,
  MediaSource,
  Part,
  RankedCandidate,
  ScoreOptions,
  SessionStats,
} from '../session/types';

/**
 * What page and worker say to each other: types only. One worker holds one model and its sessions. Every call has an id and ends in
 * exactly one `result` or `error`; before that a `generate` pushes `token`s and a `load` pushes `progress`, unasked.
 * Blobs cross by reference; ImageBitmaps and ImageData are copied, so that the caller's stay usable, as with a session in the same thread.
 */

/** What a page needs to know of a loaded model: its plain data. */
export type ModelInfo = Pick<
  LoadedModel,
  'manifest' | 'executor' | 'executorReason' | 'adapter' | 'contextLength' | 'gates'
>;

/** Options without what cannot be cloned. */
export type PlainLoadOptions = Omit<LoadOptions, 'signal' | 'onProgress'>;
export type PlainAddMediaOptions = Omit<AddMediaOptions, 'signal'>;
export type PlainEmbedOptions = Omit<EmbedOptions, 'signal'>;
export type PlainGenerateOptions = Omit<GenerateOptions, 'signal'>;
export type PlainScoreOptions = Omit<ScoreOptions, 'signal'>;
export type PlainClassifyOptions = Omit<ClassifyOptions, 'signal'>;

/** Arguments and result of each method; `session` is the number that create-session or fork gave. */
export interface Methods {
  load: { args: { source: ModelSource; options: PlainLoadOptions }; result: ModelInfo };
  'embed-image': {
    args: { source: MediaSource | readonly MediaSource[]; options: PlainEmbedOptions };
    result: Float32Array;
  };
  'visual-prefix': { args: { source: MediaSource | readonly MediaSource[] }; result: Float32Array };
  'embed-text': { args: { text: string }; result: Float32Array };
  'create-session': { args: { capacity?: number }; result: number };
  'add-media': {
    args: { session: number; source: MediaSource | readonly MediaSource[]; options: PlainAddMediaOptions };
    result: MediaHandle;
  };
  'remove-media': { args: { session: number; media: MediaHandle }; result: undefined };
  append: { args: { session: number; parts: readonly Part[] }; result: undefined };
  generate: { args: { session: number; options: PlainGenerateOptions }; result: undefined };
  'set-context': { args: { session: number; parts: readonly Part[] }; result: undefined };
  score: {
    args: { session: number; candidates: readonly string[]; options: PlainScoreOptions };
    result: CandidateScore[];
  };
  classify: {
    args: { session: number; candidates: readonly string[]; options: PlainClassifyOptions };
    result: RankedCandidate[];
  };
  tokens: { args: { session: number }; result: ContextToken[] };
  measure: { args: { session: number; parts: readonly Part[] }; result: number };
  position: { args: { session: number }; result: number };
  rewind: { args: { session: number; position: number }; result: undefined };
  fork: { args: { session: number }; result: number };
  stats: { args: { session: number }; result: SessionStats };
  'dispose-session': { args: { session: number }; result: undefined };
}

export type Method = keyof Methods;

/** A call as one member per method, so that a switch over `method` knows its arguments. */
export type Call = { [M in Method]: { kind: 'call'; id: number; method: M; args: Methods[M]['args'] } }[Method];

export type ToWorker =
  /** First message: the worker holds the Web Lock of this name while it lives (see liveness.ts). */
  | { kind: 'hello'; lock: string }
  | Call
  /**
   * The caller no longer wants call `id`. Its effect is undone when it had finished meanwhile. Of an answer the first `consumed`
   * tokens stay in the context: those the caller has seen.
   */
  | { kind: 'cancel'; id: number; consumed: number };

export type FromWorker =
  /** The worker lives; `locked` when it holds the lock. */
  | { kind: 'hello'; locked: boolean }
  | { kind: 'progress'; id: number; progress: LoadProgress }
  | { kind: 'token'; id: number; token: GeneratedToken }
  | { kind: 'result'; id: number; value: unknown }
  | { kind: 'error'; id: number; error: SerializedError }
  /** The GPU device is gone; nothing will be computed any more. */
  | { kind: 'lost'; error: SerializedError };
