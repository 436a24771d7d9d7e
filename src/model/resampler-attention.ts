import { perceiverOf } from '../format/config';
import { Program } from '../gpu/program';
import { Staging } from '../gpu/readback';
import { Recording } from '../gpu/recording';
import { StepBuffer } from '../gpu/step-buffer';
import { toElements } from './elements';
import { checkFeatures, latentsStart, MediaScratch, mediaStages } from './media-scratch';
import type { EngineParts } from './parts';
import type { Resampler } from './resampler';

/**
 * Probabilities [H, n, F*v + n] of every resampler layer for the features [F, v, Dv] of one medium. A run of its own with buffers of its own, because it is seldom
 * asked for: encoding a medium records what it always did. Throws as checkFeatures.
 */
export async function resamplerAttention(
  parts: EngineParts,
  resampler: Resampler,
  features: Float32Array,
  frames: number,
): Promise<Float32Array[]> {
  const { gpu, config, elem, elemBytes, counters } = parts;
  const { latents: n, heads } = perceiverOf(config);
  checkFeatures(config, features.length, frames);
  using scratch = new MediaScratch(parts, frames);
  const recording = new Recording();
  const { media, latents } = mediaStages(parts, recording, scratch, true);
  resampler.recordLatents(media, latents, scratch.features);
  using step = new StepBuffer(gpu, 'resampler attention step', {}, recording.dispatches.length);
  const program = await Program.create(gpu, 'resampler attention', recording, step, elem);
  const start = await latentsStart(parts, resampler, scratch);
  const rows = frames * config.vision.patches;
  const bytes = 4 * heads * n * (rows + n);
  const reads = recording.taps.map(({ name, buffer, after }) => {
    const staging = new Staging(gpu, `read ${name}`, Math.ceil(bytes / 8) * 8);
    return { staging, copy: { ...staging.copy(buffer, bytes), after } };
  });
  const values = toElements(features, elem);
  gpu.device.queue.writeBuffer(scratch.features.buffer, 0, values.buffer, values.byteOffset, values.byteLength);
  const initial = start && {
    from: start.from,
    size: n * config.vision.width * elemBytes,
    to: start.to.buffer,
    after: 0,
  };
  program.submit({ rows: 0, position: 0, mediaRows: rows, frames }, {}, [
    ...(initial ? [initial] : []),
    ...reads.map(({ copy }) => copy),
  ]);
  counters.resamplerRuns++;
  try {
    return await Promise.all(reads.map(async ({ staging }) => new Float32Array(await staging.read(bytes))));
  } finally {
    for (const { staging } of reads) staging[Symbol.dispose]();
  }
}
