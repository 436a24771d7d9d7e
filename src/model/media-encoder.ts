import type { EncodedMedia } from '../core/executor';
import { latentWidth } from '../format/config';
import type { LedgerBuffer } from '../gpu/ledger';
import { Program } from '../gpu/program';
import { readBuffer } from '../gpu/readback';
import { Recording } from '../gpu/recording';
import { StepBuffer } from '../gpu/step-buffer';
import { toElements, toFloats } from './elements';
import type { LatentMaker } from './media-projections';
import { checkFeatures, type LatentsStart, latentsStart, MediaScratch, mediaStages } from './media-scratch';
import type { EngineParts } from './parts';
import { restorePlace, savedBytes, savePlace } from './saved-media';

/** One medium in the media cache. */
export interface WgslMedia extends EncodedMedia {
  readonly slot: number;
  /** Latents that tokens see; the rest is padding. */
  readonly seen: number;
}

interface Prepared extends Disposable {
  frames: number;
  /** Version of the media cache that was bound. */
  version: number;
  program: Program;
  features: LedgerBuffer;
  finished: LedgerBuffer;
  start: LatentsStart | undefined;
}

/** Makes latents, keys and values: one submit per medium. Its program is made for the longest clip seen so far. */
export class MediaEncoder implements Disposable {
  private prepared: Promise<Prepared> | undefined;
  private queue: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly parts: EngineParts,
    private readonly maker: LatentMaker,
  ) {}

  /** features [F, v, Dv]. Throws `shape-mismatch` for another number of values, `invalid-option` for more frames than the package allows. */
  async encode(features: Float32Array, frames: number, seen?: number): Promise<WgslMedia> {
    checkFeatures(this.parts.config, features.length, frames);
    // One after the other: taking a slot may move the cache that another run has just bound.
    const run = this.queue.then(() => this.run(features, frames, seen ?? this.parts.config.resampler.latents));
    this.queue = run.catch(() => undefined);
    return await run;
  }

  /** Undefined for another number of bytes than `save` of a medium gives. */
  async restore(saved: Uint8Array<ArrayBuffer>, seen?: number): Promise<WgslMedia | undefined> {
    if (saved.byteLength !== savedBytes(this.parts)) return undefined;
    const run = this.queue.then(() => {
      const [kept, bytes] = this.keptLatents();
      const slot = this.parts.media.take();
      restorePlace(this.parts, { slot, latents: kept }, saved);
      return this.handle({ slot, seen: seen ?? this.parts.config.resampler.latents }, kept, bytes);
    });
    this.queue = run.catch(() => undefined);
    return await run;
  }

  private async run(features: Float32Array, frames: number, seen: number): Promise<WgslMedia> {
    const { gpu, media, counters, config } = this.parts;
    const { vision } = config;
    const [kept, bytes] = this.keptLatents();
    const slot = media.take(); // may grow the cache, so it comes before binding it
    const { program, features: input, finished, start } = await this.prepare(frames);
    const values = toElements(features, this.parts.elem);
    gpu.device.queue.writeBuffer(input.buffer, 0, values.buffer, values.byteOffset, values.byteLength);
    program.submit({ rows: 0, position: 0, mediaRows: frames * vision.patches, frames, slot }, {}, [
      ...(start ? [{ from: start.from, size: bytes, to: start.to.buffer, after: 0 }] : []),
      { from: finished, size: bytes, to: kept.buffer },
    ]);
    counters.resamplerRuns++;
    counters.mediaKvProjections += config.gated.before.length;
    return this.handle({ slot, seen }, kept, bytes);
  }

  startCompiling(): void {
    const { gpu, elem } = this.parts;
    using scratch = new MediaScratch(this.parts, 1);
    const recording = new Recording();
    this.record(recording, scratch);
    for (const { kernel, overrides } of recording.dispatches) {
      gpu.pipelines.get({ kernel, overrides, elem }).catch(() => undefined);
    }
  }

  [Symbol.dispose](): void {
    void this.prepared?.then((prepared) => prepared[Symbol.dispose]());
    this.prepared = undefined;
  }

  /** Room for the latents of one medium, and its bytes. */
  private keptLatents(): [LedgerBuffer, number] {
    const { config, elemBytes, gpu } = this.parts;
    const bytes = config.resampler.latents * latentWidth(config) * elemBytes;
    return [gpu.ledger.allocate('latents', bytes, 'mediaKv', BUFFER()), bytes];
  }

  private handle({ slot, seen }: Pick<WgslMedia, 'slot' | 'seen'>, kept: LedgerBuffer, bytes: number): WgslMedia {
    const { gpu, media, elem } = this.parts;
    let alive = true;
    return {
      slot,
      seen,
      bytes: media.bytesPerMedium + bytes,
      latents: async () => toFloats(await readBuffer(gpu, kept, bytes), elem),
      save: () => savePlace(this.parts, { slot, latents: kept }),
      [Symbol.dispose]() {
        if (!alive) return;
        alive = false;
        kept.destroy();
        media.release(slot);
      },
    };
  }

  /** The program for clips of at least `frames` frames, bound to the media cache as it is now. */
  private async prepare(frames: number): Promise<Prepared> {
    const before = await this.prepared;
    if (before && before.frames >= frames && before.version === this.parts.media.version) return before;
    this.prepared = this.make(Math.max(frames, before?.frames ?? 1));
    before?.[Symbol.dispose]();
    return await this.prepared;
  }

  private async make(frames: number): Promise<Prepared> {
    const { gpu, media, elem } = this.parts;
    const { version } = media;
    const scratch = new MediaScratch(this.parts, frames);
    const recording = new Recording();
    const finished = this.record(recording, scratch);
    const step = new StepBuffer(gpu, 'resampler step', {}, recording.dispatches.length);
    const program = await Program.create(gpu, 'resampler', recording, step, elem);
    const start = await latentsStart(this.parts, this.maker, scratch);
    const dispose = () => {
      scratch[Symbol.dispose]();
      step[Symbol.dispose]();
    };
    return {
      frames,
      version,
      program,
      features: scratch.features,
      finished,
      start,
      [Symbol.dispose]: dispose,
    };
  }

  private record(rec: Recording, scratch: MediaScratch): LedgerBuffer {
    const { media, latents } = mediaStages(this.parts, rec, scratch);
    return this.maker.record(media, latents, scratch.features, this.parts.media);
  }
}

const BUFFER = () => GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
