import { FlamingoError, throwIfAborted } from '../core/errors';
import type { MediaPixels } from '../core/media-pixels';
import type { ImageProcessor } from '../format/manifest';
import type { DecodeImage, RgbImage } from './image';
import { planCrop, resizeAndCrop } from './resize';
import { planTiles, tilePixels } from './tiles';

/** Pictures as the vision encoder reads them: resized, cropped, (value / 255 - mean) / std; [F, 3, crop, crop]. */
export function preprocess(images: readonly RgbImage[], processor: ImageProcessor): Float32Array<ArrayBuffer> {
  const area = processor.crop ** 2;
  const pixels = new Float32Array(images.length * 3 * area);
  for (const [frame, image] of images.entries()) {
    const rgb = resizeAndCrop(image, planCrop(image, processor));
    for (let channel = 0; channel < 3; channel++) {
      const [mean, std] = [processor.mean[channel], processor.std[channel]];
      const plane = pixels.subarray((frame * 3 + channel) * area, (frame * 3 + channel + 1) * area);
      for (let i = 0; i < area; i++) plane[i] = (rgb[i * 3 + channel] / 255 - mean) / std;
    }
  }
  return pixels;
}

/**
 * Decodes and preprocesses one picture after the other, so that only one is in memory at full size. Throws `media-unreadable`, `aborted`, and `invalid-option` for a
 * clip where pictures are cut into tiles.
 */
export async function mediaPixels(
  frames: readonly (Blob | ImageBitmap | ImageData)[],
  processor: ImageProcessor,
  decode: DecodeImage,
  signal?: AbortSignal,
): Promise<MediaPixels> {
  const { tiles } = processor;
  if (tiles !== undefined) return await tiledPicture(frames, { ...processor, tiles }, decode, signal);
  const frameLength = 3 * processor.crop ** 2;
  const values = new Float32Array(frames.length * frameLength);
  for (const [i, frame] of frames.entries()) {
    throwIfAborted(signal);
    values.set(preprocess([await decode(frame)], processor), i * frameLength);
  }
  throwIfAborted(signal);
  return { values, frames: frames.length };
}

async function tiledPicture(
  frames: readonly (Blob | ImageBitmap | ImageData)[],
  processor: ImageProcessor & { tiles: number },
  decode: DecodeImage,
  signal?: AbortSignal,
): Promise<MediaPixels> {
  if (frames.length !== 1) {
    throw new FlamingoError('invalid-option', `A clip has ${frames.length} frames; this model takes single pictures.`, {
      hint: 'Add the frames one by one, as pictures.',
      details: { frames: frames.length, limit: 1 },
    });
  }
  throwIfAborted(signal);
  const image = await decode(frames[0]);
  const plan = planTiles(image, processor.size, processor.tiles);
  const values = tilePixels(image, processor, plan);
  throwIfAborted(signal);
  const filled = plan.rows * plan.columns;
  return { values, frames: processor.tiles, tiles: { arrangement: plan.arrangement, filled } };
}
