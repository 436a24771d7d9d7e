import { FlamingoError } from '../core/errors';
import { latentWidth } from '../format/config';
import type { LedgerBuffer } from '../gpu/ledger';
import { Staging } from '../gpu/readback';
import type { EngineParts } from './parts';

/** Where a medium lies on the GPU: its slot in every buffer of the media cache, and its latents. */
export interface MediaPlace {
  slot: number;
  latents: LedgerBuffer;
}

/** Bytes of latents, then for every gated layer keys and values of one slot. */
export function savedBytes({ config, elemBytes, media }: EngineParts): number {
  return config.resampler.latents * latentWidth(config) * elemBytes + media.bytesPerMedium;
}

/** Reads a medium back as bytes that `restorePlace` takes. All copies are submitted before this returns, so that the slot may be given away meanwhile. */
export async function savePlace(parts: EngineParts, place: MediaPlace): Promise<Uint8Array<ArrayBuffer>> {
  const { gpu } = parts;
  const bytes = savedBytes(parts);
  const odd = [...pieces(parts, place)].find(({ size }) => size % 4 !== 0);
  if (odd)
    throw new FlamingoError('unsupported', `A piece of ${odd.size} bytes cannot be copied: WebGPU copies words of 4.`);
  using staging = new Staging(gpu, 'save medium', Math.ceil(bytes / 8) * 8);
  const encoder = gpu.device.createCommandEncoder({ label: 'save medium' });
  for (const { buffer, at, offset, size } of pieces(parts, place)) {
    const { to } = staging.copy(buffer, size);
    encoder.copyBufferToBuffer(buffer.buffer, offset, to, at, size);
  }
  gpu.device.queue.submit([encoder.finish()]);
  return new Uint8Array(await staging.read(bytes));
}

/** Writes saved bytes to a place. */
export function restorePlace(parts: EngineParts, place: MediaPlace, saved: Uint8Array<ArrayBuffer>): void {
  for (const { buffer, at, offset, size } of pieces(parts, place))
    parts.gpu.device.queue.writeBuffer(buffer.buffer, offset, saved, at, size);
}

/** The pieces of a medium: `size` bytes from `at` on of what is saved, at `offset` of a buffer. */
function* pieces(parts: EngineParts, { slot, latents }: MediaPlace) {
  const { layers, bytesPerMedium } = parts.media;
  let at = savedBytes(parts) - bytesPerMedium;
  yield { buffer: latents, at: 0, offset: 0, size: at };
  const size = bytesPerMedium / Math.max(1, 2 * layers.length);
  for (const buffer of layers.flatMap(({ keys, values }) => [keys, values])) {
    yield { buffer, at, offset: slot * size, size };
    at += size;
  }
}
