import type { FlamingoError } from '../core/errors';
import type { Manifest } from '../format/manifest';
import type { GateValues } from '../session/gates';
import type { LoadedModel, LoadOptions, ModelSource } from '../session/load-types';
import type { EmbedOptions, FlamingoSession, MediaSource } from '../session/types';
import { Channel, type WorkerLike } from './channel';
import { WorkerSession } from './client-session';
import type { ModelInfo } from './protocol';

/**
 * Loads a model in a worker of its own. Aborting ends the worker at once, in every phase. Throws what loading in the same thread throws, and
 * `internal` when the worker dies.
 */
export async function loadInWorker(
  source: ModelSource,
  { signal, onProgress, ...options }: LoadOptions = {},
  createWorker: () => WorkerLike = startWorker,
): Promise<WorkerModel> {
  const channel = new Channel(createWorker());
  try {
    const info = await channel.call('load', { source: absolute(source), options }, { signal, onProgress });
    return new WorkerModel(channel, info);
  } catch (error) {
    channel.close();
    throw error;
  }
}

/** A model in its worker: the same contract as the engine's own. Disposing ends the worker, and every memory with it. */
export class WorkerModel implements LoadedModel {
  readonly manifest: Manifest;
  readonly executor: 'webgpu' | 'wasm';
  readonly executorReason: string;
  readonly adapter: string;
  readonly contextLength: number;
  readonly gates: readonly GateValues[];
  /** Resolves when the GPU device or the worker is lost. */
  readonly lost: Promise<FlamingoError>;

  constructor(
    private readonly channel: Channel,
    info: ModelInfo,
  ) {
    this.manifest = info.manifest;
    this.executor = info.executor;
    this.executorReason = info.executorReason;
    this.adapter = info.adapter;
    this.contextLength = info.contextLength;
    this.gates = info.gates;
    this.lost = channel.lost;
  }

  async createSession({ capacity }: { capacity?: number } = {}): Promise<FlamingoSession> {
    return new WorkerSession(this.channel, await this.channel.call('create-session', { capacity }));
  }

  embedText(text: string, { signal }: { signal?: AbortSignal } = {}): Promise<Float32Array> {
    return this.channel.call('embed-text', { text }, { signal });
  }

  embedImage(
    source: MediaSource | readonly MediaSource[],
    { signal, ...options }: EmbedOptions = {},
  ): Promise<Float32Array> {
    return this.channel.call('embed-image', { source, options }, { signal });
  }

  visualPrefix(
    source: MediaSource | readonly MediaSource[],
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<Float32Array> {
    return this.channel.call('visual-prefix', { source }, { signal });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.channel.close();
  }
}

/** The worker resolves addresses against its own script, so a page's relative address is made absolute here. */
function absolute(source: ModelSource): ModelSource {
  if (!('url' in source)) return source;
  return { url: new URL(source.url, globalThis.document?.baseURI ?? globalThis.location?.href).href };
}

function startWorker(): WorkerLike {
  return new Worker(new URL('./entry.ts', import.meta.url), { type: 'module', name: 'flamingo-web' });
}
