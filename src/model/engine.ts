import type { WeightType } from '../core/dtypes';
import type { EncodedMedia, Executor, ExecutorCounters, KernelTime, MemoryUse, Sequence } from '../core/executor';
import { type FlamingoConfig, isPerceiver, withoutResampler } from '../format/config';
import { decoderTensors, resamplerTensors } from '../format/tensor-names';
import type { GpuDevice } from '../gpu/device';
import { Decoder } from './decoder';
import { FeatureLatents } from './feature-latents';
import { MediaCache } from './media-cache';
import { MediaEncoder } from './media-encoder';
import type { LatentMaker } from './media-projections';
import { type EngineParts, PREFILL_ROWS } from './parts';
import { Resampler } from './resampler';
import { resamplerAttention } from './resampler-attention';
import { WgslSequence } from './sequence';
import { Scratch } from './stage';
import { dryStep, stepModeOf } from './step';
import { type WeightReader, Weights } from './weights';

export interface EngineOptions {
  /** Element type of activations and caches; f16 only on devices with shader-f16. Sums are always f32. */
  elem?: 'f32' | 'f16';
}

/** The model after the vision encoder, in WGSL. Made in two steps: `create` prepares buffers and starts compiling, `load` brings the weights. */
export class WgslExecutor implements Executor {
  readonly kind = 'webgpu';
  private readonly encoder: MediaEncoder;
  private readonly maker: LatentMaker;

  private constructor(private readonly parts: EngineParts) {
    const { weights, config } = parts;
    this.maker = isPerceiver(config.resampler) ? new Resampler(weights, config) : new FeatureLatents(weights, config);
    this.encoder = new MediaEncoder(parts, this.maker);
  }

  /** Throws `device` when a tensor is larger than the GPU's buffers. */
  static create(gpu: GpuDevice, config: FlamingoConfig, type: WeightType, options: EngineOptions = {}): WgslExecutor {
    const elem = options.elem ?? 'f32';
    const elemBytes = elem === 'f16' ? 2 : 4;
    const weights = new Weights(gpu, [...resamplerTensors(config), ...decoderTensors(config)], type);
    const scratch = new Scratch(gpu, 'scratch', PREFILL_ROWS, elemBytes);
    planScratch(scratch, config);
    const executor = new WgslExecutor({
      gpu,
      config,
      elem,
      elemBytes,
      weights,
      decoder: new Decoder(weights, config),
      media: new MediaCache(gpu, config, elemBytes),
      scratch,
      outputs: new Scratch(gpu, 'output', 1, 4),
      counters: newCounters(),
    });
    executor.startCompiling();
    return executor;
  }

  load(reader: WeightReader): Promise<void> {
    return this.parts.weights.load(reader);
  }

  get adapter(): string {
    return this.parts.gpu.adapter;
  }

  get counters(): ExecutorCounters {
    const { submits, dispatches } = this.parts.gpu.counters;
    return { ...this.parts.counters, submits, dispatches };
  }

  encodeMedia(features: Float32Array, frames: number, seen?: number): Promise<EncodedMedia> {
    return this.encoder.encode(features, frames, seen);
  }

  async resamplerAttention(features: Float32Array, frames: number): Promise<Float32Array[]> {
    if (!(this.maker instanceof Resampler)) throw withoutResampler();
    return await resamplerAttention(this.parts, this.maker, features, frames);
  }

  restoreMedia(saved: Uint8Array<ArrayBuffer>, seen?: number): Promise<EncodedMedia | undefined> {
    return this.encoder.restore(saved, seen);
  }

  createSequence(capacity: number): Promise<Sequence> {
    return WgslSequence.create(this.parts, capacity);
  }

  async profile(): Promise<KernelTime[] | undefined> {
    return await this.parts.gpu.profiler?.table();
  }

  memory(): MemoryUse {
    return { ...this.parts.gpu.ledger.bytes };
  }

  [Symbol.dispose](): void {
    const { weights, media, scratch, outputs } = this.parts;
    for (const part of [this.encoder, weights, media, scratch, outputs]) part[Symbol.dispose]();
  }

  /** Asks for the pipelines of prefill and decode before any weight has arrived; failures show when a program is made. */
  private startCompiling(): void {
    const { gpu, elem } = this.parts;
    for (const single of [false, true]) {
      const recording = dryStep(this.parts, stepModeOf({ single, head: 'last', sample: GREEDY }));
      for (const { kernel, overrides } of recording.dispatches) {
        gpu.pipelines.get({ kernel, overrides, elem }).catch(() => undefined);
      }
    }
    this.encoder.startCompiling();
  }
}

/** What most answers are chosen by. */
const GREEDY = { how: 'argmax', adjust: false, logprobs: 'none' } as const;

/** Fixes the width of scratch buffers that several layers share. */
function planScratch(scratch: Scratch, { width, decoder, gated }: FlamingoConfig): void {
  scratch.get('x', width);
  scratch.get('normed', width);
  scratch.get('hidden', Math.max(decoder.feedForward.inner, gated.feedForward.inner));
}

function newCounters(): ExecutorCounters {
  return {
    resamplerRuns: 0,
    mediaKvProjections: 0,
    prefilledTokens: 0,
    decodedTokens: 0,
    submits: 0,
    dispatches: 0,
    lastStep: { submits: 0, dispatches: 0, bindGroups: 0, buffers: 0 },
  };
}
