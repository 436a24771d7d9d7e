import type { FlamingoError } from '../core/errors';
import type { Manifest } from '../format/manifest';
import type { GateValues } from './gates';
import type { EmbedOptions, FlamingoSession, MediaSource } from './types';

/** Where a package comes from: a folder address, or its files as the user picked or dropped them. */
export type ModelSource = { url: string } | { files: ReadonlyMap<string, Blob> };

export interface LoadProgress {
  phase: 'manifest' | 'weights' | 'compile' | 'ready';
  loadedBytes: number;
  totalBytes: number;
}

export interface LoadOptions {
  /** auto: a hardware WebGPU adapter, else onnxruntime-web on wasm, which is faster than WebGPU in software. */
  executor?: 'auto' | 'webgpu' | 'wasm';
  /** Time every kernel: `stats().profile` has a table then. WebGPU only, and slower. */
  profile?: boolean;
  /** A stage to read back in every step, `hidden.<block>` or `attention.<layer>`: `stats().tap` sums it up. For debugging. */
  tap?: string;
  /**
   * Keep what was encoded of pictures on this machine, in the origin's private file system, so that the next visit encodes none of them again: at most so many bytes, `true` for
   * 512 MiB. Default: nothing is kept. `clearKeptMedia()` removes all of it. Not in Node.
   */
  keepMedia?: boolean | number;
  signal?: AbortSignal;
  onProgress?: (progress: LoadProgress) => void;
}

export interface LoadedModel extends AsyncDisposable {
  readonly manifest: Manifest;
  readonly executor: 'webgpu' | 'wasm';
  /** Why this executor runs, as a sentence for the page. */
  readonly executorReason: string;
  readonly adapter: string;
  readonly contextLength: number;
  /** The gates of every gated layer: 0 is closed, as before training. */
  readonly gates: readonly GateValues[];
  createSession(options?: { capacity?: number }): Promise<FlamingoSession>;
  /** A picture (or several, as a clip) as a vector of length 1, for retrieval. Throws `media-unreadable`. */
  embedImage(source: MediaSource | readonly MediaSource[], options?: EmbedOptions): Promise<Float32Array>;
  /** A text as a vector of length 1 in one space with `embedImage(…, { by: 'clip' })`. Throws `unsupported` for a package without CLIP's text tower. */
  embedText(text: string, options?: { signal?: AbortSignal }): Promise<Float32Array>;
  /**
   * A picture as vectors [k, E] in the text stream, by the package's mapper: a part of a prompt as Frozen and ClipCap read it, to be asked with `visualStrength: 0`. A clip
   * gives those of every frame. Throws `unsupported` for a package without a mapper.
   */
  visualPrefix(source: MediaSource | readonly MediaSource[], options?: { signal?: AbortSignal }): Promise<Float32Array>;
  /** Resolves with the error when the GPU device is lost; stays pending otherwise. */
  readonly lost: Promise<FlamingoError>;
}
