import type { FlamingoError } from '../core/errors';
import type { Manifest } from '../format/manifest';
import type { IndexSpace } from '../retrieval/vector-index';
import { indexSpace } from '../session/embed';
import type { GateValues } from '../session/gates';
import type { LoadedModel, ModelSource } from '../session/load-types';
import type { EmbedOptions, FlamingoSession, MediaSource, Part } from '../session/types';
import { loadInWorker } from '../worker/client';
import { type FlamingoModelOptions, validateLoad, validateSession } from './options';
import { buildPrompt } from './prompt';

export type { FlamingoModelOptions };

/**
 * A Flamingo-style model that runs in a worker of this page.
 *
 *     await using model = await FlamingoModel.load('models/flamingo-tiny/');
 *     const session = await model.createSession();
 *     const picture = await session.addMedia(blob);
 *     await session.append([{ type: 'media', value: picture }, ...model.question('What is this?')]);
 *     for await (const { text } of session.generate()) console.log(text);
 */
export class FlamingoModel implements AsyncDisposable {
  private constructor(private readonly loaded: LoadedModel) {}

  /**
   * Loads a model package: the address of its folder, relative to the page, or its files by name.
   * Throws `invalid-option`, `not-found`, `bad-file`, `device`, `aborted`; nothing stays behind then.
   */
  static async load(
    source: string | URL | ModelSource | ReadonlyMap<string, Blob>,
    options: FlamingoModelOptions = {},
    load: typeof loadInWorker = loadInWorker,
  ): Promise<FlamingoModel> {
    const checked = validateLoad(source, options);
    return new FlamingoModel(await load(checked.source, checked.options));
  }

  /** The same over a model that is loaded already. */
  static over(loaded: LoadedModel): FlamingoModel {
    return new FlamingoModel(loaded);
  }

  get manifest(): Manifest {
    return this.loaded.manifest;
  }

  get executor(): 'webgpu' | 'wasm' {
    return this.loaded.executor;
  }

  /** Why this executor runs, as a sentence. */
  get executorReason(): string {
    return this.loaded.executorReason;
  }

  get adapter(): string {
    return this.loaded.adapter;
  }

  /** Tokens that a conversation can have. */
  get contextLength(): number {
    return this.loaded.contextLength;
  }

  /** tanh of the gates of every gated layer: what share of its cross-attention and feed-forward is added. */
  get gates(): readonly GateValues[] {
    return this.loaded.gates;
  }

  /** Resolves when the GPU device or the worker is lost; the model has to be loaded again then. */
  get lost(): Promise<FlamingoError> {
    return this.loaded.lost;
  }

  /** An empty context with room for `capacity` tokens, by default 4,096 or as many as the model was trained for. */
  async createSession(options: { capacity?: number } = {}): Promise<FlamingoSession> {
    return await this.loaded.createSession(validateSession(options, this.loaded.contextLength));
  }

  /** A picture (or several, as a clip) as a vector of length 1, for a VectorIndex. Throws `media-unreadable`. */
  async embedImage(source: MediaSource | readonly MediaSource[], options: EmbedOptions = {}): Promise<Float32Array> {
    return await this.loaded.embedImage(source, options);
  }

  /** A text as a vector of length 1, beside pictures by `clip`. Throws `unsupported` for a package without CLIP's text tower. */
  async embedText(text: string, options: { signal?: AbortSignal } = {}): Promise<Float32Array> {
    return await this.loaded.embedText(text, options);
  }

  /**
   * A picture as vectors in the text stream, as Frozen and ClipCap read it: `{ type: 'vectors', value }` in a prompt, asked with `visualStrength: 0` so that the gated layers
   * are out of it. Throws `unsupported` for a package without a mapper.
   */
  async visualPrefix(
    source: MediaSource | readonly MediaSource[],
    options: { signal?: AbortSignal } = {},
  ): Promise<Float32Array> {
    return await this.loaded.visualPrefix(source, options);
  }

  /** What a VectorIndex of this model's vectors is made with. */
  async indexSpace(by: 'features' | 'clip' = 'features'): Promise<IndexSpace> {
    return await indexSpace(this.manifest, by);
  }

  /** Words as the model was trained to read a question: parts to append behind the pictures. */
  question(text: string): Part[] {
    return buildPrompt(this.loaded.manifest.prompt, [{ type: 'text', value: text }], false);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.loaded[Symbol.asyncDispose]();
  }
}
