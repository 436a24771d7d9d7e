import { concatFloats } from '../core/concat';
import { FlamingoError } from '../core/errors';
import type { EncodedMedia, Executor, ExecutorCounters, MemoryUse, Sequence } from '../core/executor';
import { givenRows } from '../core/given-rows';
import { checkClip } from '../format/clip-limit';
import {
  embeddingWidth,
  type FlamingoConfig,
  isPerceiver,
  latentWidth,
  mediaHeads,
  withoutResampler,
} from '../format/config';
import { resamplerAttentionName } from '../format/tensor-names';
import { type OrtRuntime, type OrtSession, type OrtTensor, ortRuntime } from './runtime';
import { OrtSequence } from './sequence';

/** A graph file with its data files. */
export interface GraphFiles {
  model: Uint8Array;
  data: readonly { path: string; data: Uint8Array }[];
}

/** One medium: latents [n, width], keys and values [G, Hkv, n, d], in the page's memory. */
export interface OrtMedia extends EncodedMedia {
  readonly keys: Float32Array;
  readonly values: Float32Array;
  /** Latents that tokens see; the rest is padding. */
  readonly seen: number;
}

/** resampler.onnx and decoder.onnx in onnxruntime-web on wasm: the way without a GPU, and the WGSL engine's oracle. */
export class OrtExecutor implements Executor {
  readonly kind = 'wasm';
  readonly counters: ExecutorCounters = {
    resamplerRuns: 0,
    mediaKvProjections: 0,
    prefilledTokens: 0,
    decodedTokens: 0,
    submits: 0,
    dispatches: 0,
    lastStep: { submits: 0, dispatches: 0, bindGroups: 0, buffers: 0 },
  };
  private readonly use: MemoryUse = { weights: 0, selfKv: 0, mediaKv: 0, scratch: 0 };

  private constructor(
    readonly ort: OrtRuntime,
    readonly config: FlamingoConfig,
    private readonly resampler: OrtSession,
    private readonly decoder: OrtSession,
    private readonly turn: { last: Promise<unknown> } = { last: Promise.resolve() },
  ) {}

  static async load(config: FlamingoConfig, resampler: GraphFiles, decoder: GraphFiles): Promise<OrtExecutor> {
    const ort = await ortRuntime();
    const first = await ort.session('resampler.onnx', resampler.model, resampler.data);
    const second = await ort.session('decoder.onnx', decoder.model, decoder.data).catch(async (error) => {
      await first.release();
      throw error;
    });
    const executor = new OrtExecutor(ort, config, first, second);
    for (const { data } of [...resampler.data, ...decoder.data]) executor.use.weights += data.byteLength;
    return executor;
  }

  get adapter(): string {
    return `CPU (wasm, ${this.ort.threads} ${this.ort.threads === 1 ? 'thread' : 'threads'})`;
  }

  async encodeMedia(features: Float32Array, frames: number, seen?: number): Promise<EncodedMedia> {
    const { before } = this.config.gated;
    const names = before.length > 0 ? ['latents', 'media_key', 'media_value'] : ['latents'];
    const [made, keys, values] = await this.runResampler(features, frames, names);
    this.counters.mediaKvProjections += before.length;
    return this.medium(
      made,
      keys ?? new Float32Array(),
      values ?? new Float32Array(),
      seen ?? this.config.resampler.latents,
    );
  }

  async resamplerAttention(features: Float32Array, frames: number): Promise<Float32Array[]> {
    const { resampler } = this.config;
    if (!isPerceiver(resampler)) throw withoutResampler();
    const { layers } = resampler;
    const names = Array.from({ length: layers }, (_, i) => resamplerAttentionName(i));
    const missing = names.filter((name) => !this.resampler.outputNames.includes(name));
    if (missing.length === 0) return await this.runResampler(features, frames, names);
    throw new FlamingoError(
      'unsupported',
      `The graph of this package's resampler gives the attention of ${layers - missing.length} of its ${layers} layers.`,
      { hint: 'Convert the model again, or use WebGPU.', details: { layers, missing: missing.length } },
    );
  }

  async restoreMedia(saved: Uint8Array<ArrayBuffer>, seen?: number): Promise<EncodedMedia | undefined> {
    const { gated, resampler } = this.config;
    const latents = resampler.latents * latentWidth(this.config);
    const each = gated.before.length * mediaHeads(gated) * resampler.latents * gated.headDim;
    if (saved.byteLength !== 4 * (latents + 2 * each)) return undefined;
    const values = new Float32Array(saved.slice().buffer);
    const part = (from: number, length: number) => values.slice(from, from + length);
    const [keys, rest] = [part(latents, each), part(latents + each, each)];
    return this.medium(part(0, latents), keys, rest, seen ?? resampler.latents);
  }

  async createSequence(capacity: number): Promise<Sequence> {
    const { contextLength } = this.config;
    if (!Number.isInteger(capacity) || capacity < 1 || capacity > contextLength) {
      throw new FlamingoError(
        'invalid-option',
        `A capacity of ${capacity} tokens; this model has 1 to ${contextLength}.`,
        {
          hint: 'Ask for fewer tokens.',
          details: { capacity, contextLength },
        },
      );
    }
    return new OrtSequence(this, capacity);
  }

  /** Runs the decoder; onnxruntime-web takes one run at a time. */
  runDecoder(...args: Parameters<OrtSession['run']>): ReturnType<OrtSession['run']> {
    return this.exclusive(() => this.decoder.run(...args));
  }

  /** The factor on the gates as an input. Throws `unsupported` for another than 1 where the graph has no such input. */
  strengthInput(factor = 1): Record<string, OrtTensor> {
    if (this.decoder.inputNames.includes('visual_strength'))
      return { visual_strength: this.ort.floats(Float32Array.of(factor), [1]) };
    if (factor === 1) return {};
    throw new FlamingoError(
      'unsupported',
      `A visual strength of ${factor} was asked for; this package's graph has only 1.`,
      {
        hint: 'Convert the model again, or use WebGPU.',
        details: { visualStrength: factor },
      },
    );
  }

  /**
   * Ids [B,T] as an input, and the vectors [E] of those that are no tokens. Throws `shape-mismatch` for a vector of another width, `unsupported` for vectors where the
   * graph does not take them.
   */
  embeddingInputs(
    ids: readonly number[],
    shape: readonly [number, number],
    vectors: readonly (Float32Array | undefined)[] = [],
  ): Record<string, OrtTensor> {
    const takes = this.decoder.inputNames.includes('given');
    const count = vectors.filter(Boolean).length;
    if (count > 0 && !takes) throw noVectors(count);
    const input_ids = this.ort.longs(
      ids.map((id, t) => (vectors[t] ? -1 : id)),
      shape,
    );
    if (!takes) return { input_ids };
    const E = embeddingWidth(this.config);
    return { input_ids, given: this.ort.floats(givenRows(vectors, ids.length, E), [...shape, E]) };
  }

  /** A picture, a prompt and a step of nothing, so that the browser has compiled what they need. Not counted: a twin with counters of its own does it. */
  async rehearse(): Promise<void> {
    const { vision, contextLength } = this.config;
    const twin = new OrtExecutor(this.ort, this.config, this.resampler, this.decoder, this.turn);
    const { tiles = 1 } = vision;
    const media = [await twin.encodeMedia(new Float32Array(tiles * vision.patches * vision.width), tiles)];
    const sequence = await twin.createSequence(contextLength);
    const prompt = Array<number>(Math.min(8, contextLength - 1)).fill(0);
    await sequence.append({ ids: prompt, mediaIndex: prompt, media });
    await sequence.append({ ids: [0], mediaIndex: [0], media });
  }

  /** Intermediate results that decoder.onnx gives on request. */
  get tapNames(): readonly string[] {
    return this.decoder.outputNames.filter((name) => /^(hidden|attention)\./.test(name));
  }

  /** Bytes of KV caches and media, kept up to date by those who hold them. */
  account(purpose: 'selfKv' | 'mediaKv', bytes: number): void {
    this.use[purpose] += bytes;
  }

  memory(): MemoryUse {
    return { ...this.use };
  }

  [Symbol.dispose](): void {
    this.use.weights = 0;
    void this.exclusive(async () => {
      await this.resampler.release();
      await this.decoder.release();
    });
  }

  /** The named outputs for the features [F, v, Dv] of one medium. Throws `shape-mismatch`, or `invalid-option` for too many frames. */
  private async runResampler(
    features: Float32Array,
    frames: number,
    names: readonly string[],
  ): Promise<Float32Array[]> {
    const { patches, width } = this.config.vision;
    checkClip(this.config, frames);
    if (features.length !== frames * patches * width) {
      throw new FlamingoError(
        'shape-mismatch',
        `${frames} frames have ${features.length} features, ${frames * patches * width} are expected.`,
      );
    }
    const input = this.ort.floats(features, [1, frames, patches, width]);
    const results = await this.exclusive(() => this.resampler.run({ features: input }, names));
    this.counters.resamplerRuns++;
    return await Promise.all(names.map(async (name) => (await results[name].getData()) as Float32Array));
  }

  private medium(latents: Float32Array, keys: Float32Array, values: Float32Array, seen: number): OrtMedia {
    const bytes = latents.byteLength + keys.byteLength + values.byteLength;
    this.account('mediaKv', bytes);
    let alive = true;
    return {
      bytes,
      keys,
      values,
      seen,
      latents: async () => latents,
      save: async () => new Uint8Array(concatFloats([latents, keys, values]).buffer),
      [Symbol.dispose]: () => {
        if (alive) this.account('mediaKv', -bytes);
        alive = false;
      },
    };
  }

  private exclusive<T>(run: () => Promise<T>): Promise<T> {
    const result = this.turn.last.then(run);
    this.turn.last = result.catch(() => undefined);
    return result;
  }
}

function noVectors(count: number): FlamingoError {
  return new FlamingoError('unsupported', `${count} vectors were given in the text; this package's graph takes 0.`, {
    hint: 'Convert the model again with --mapper.',
    details: { count },
  });
}
