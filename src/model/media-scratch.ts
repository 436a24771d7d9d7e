import { FlamingoError } from '../core/errors';
import { checkClip } from '../format/clip-limit';
import type { LedgerBuffer } from '../gpu/ledger';
import { readBuffer } from '../gpu/readback';
import type { Recording } from '../gpu/recording';
import { toElements } from './elements';
import type { LatentMaker } from './media-projections';
import type { EngineParts } from './parts';
import { MEDIA_ROWS } from './resampler';
import { Scratch, type Stage } from './stage';

/** Scratch for clips of up to `frames` frames: rows of features, and rows of latents. */
export class MediaScratch implements Disposable {
  readonly media: Scratch;
  readonly latents: Scratch;
  readonly features: LedgerBuffer;

  constructor({ gpu, config, elemBytes }: EngineParts, frames: number) {
    this.media = new Scratch(gpu, 'resampler.media', frames * config.vision.patches, elemBytes);
    this.latents = new Scratch(gpu, 'resampler.latents', config.resampler.latents, elemBytes);
    this.features = this.media.get('features', config.vision.width);
  }

  [Symbol.dispose](): void {
    this.media[Symbol.dispose]();
    this.latents[Symbol.dispose]();
  }
}

/** Two stages over one recording, as a LatentMaker takes them. */
export function mediaStages(
  { gpu, weights, config }: EngineParts,
  rec: Recording,
  scratch: MediaScratch,
  probabilities = false,
): { media: Stage; latents: Stage } {
  const shared = { rec, single: false, none: weights.none, probabilities, media: 1, software: gpu.software };
  return {
    media: { ...shared, rows: MEDIA_ROWS, scratch: scratch.media },
    latents: { ...shared, rows: config.resampler.latents, scratch: scratch.latents },
  };
}

/** The learned latents as activations, and where they have to be when a run starts. */
export interface LatentsStart {
  from: LedgerBuffer;
  to: LedgerBuffer;
}

/** In the element type of activations; the weights hold the latents as f32. Undefined where there are none. */
export async function latentsStart(
  { gpu, config, elem }: EngineParts,
  { initial }: LatentMaker,
  scratch: MediaScratch,
): Promise<LatentsStart | undefined> {
  if (!initial) return undefined;
  const to = scratch.latents.get('latents', config.vision.width);
  if (elem === 'f32') return { from: initial, to };
  const stored = new Float32Array(await readBuffer(gpu, initial, initial.size));
  const half = scratch.latents.get('initial', config.vision.width);
  const { buffer, byteOffset, byteLength } = toElements(stored, elem);
  gpu.device.queue.writeBuffer(half.buffer, 0, buffer, byteOffset, byteLength);
  return { from: half, to };
}

/** Throws `shape-mismatch` for another number of values than [F, v, Dv], `invalid-option` for more frames than the package allows. */
export function checkFeatures(config: EngineParts['config'], length: number, frames: number): void {
  checkClip(config, frames);
  const { vision } = config;
  const expected = frames * vision.patches * vision.width;
  if (length !== expected) {
    throw new FlamingoError('shape-mismatch', `${frames} frames have ${length} features, ${expected} are expected.`, {
      hint: 'The vision encoder does not fit the model: convert the package again.',
      details: { frames, length, expected },
    });
  }
}
