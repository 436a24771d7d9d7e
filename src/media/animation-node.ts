import sharp from 'sharp';
import { FlamingoError } from '../core/errors';
import { readAnimation } from './animation';
import { checkImage, looksLikeVideo, MAX_PIXELS, readImageFile, undecodable } from './check-image';

/** Number of frames of a file's bytes as Node can read them: 1 for a still picture, 0 for what is none. Node reads animated GIF and WebP, not PNG. */
export function countFrames(bytes: Uint8Array): number {
  return bytes[0] === 0x89 ? 1 : (readAnimation(bytes)?.durations.length ?? 0);
}

/** Throws `media-unreadable` for a video, which Node has no decoder for. */
export function refuseVideo(name: string, bytes: Uint8Array): void {
  if (!looksLikeVideo(bytes)) return;
  throw new FlamingoError(
    'media-unreadable',
    `${name} is a video, and Node cannot decode videos: it has no WebCodecs.`,
    {
      hint: 'List its frames as pictures (ffmpeg -i VIDEO -vf fps=1 frame-%02d.png), give an animated GIF or WebP, or open it in the page.',
      details: { name },
    },
  );
}

/**
 * Frames of an animated GIF or WebP, spread evenly over it, the first and the last included: RGBA as ImageData would be. Throws `media-unreadable` with both
 * numbers when it has fewer.
 */
export async function animatedFrames(source: File, frames: number): Promise<ImageData[]> {
  const bytes = await readImageFile(source);
  const header = checkImage(source.name, bytes);
  const total = countFrames(bytes);
  if (total < frames) {
    throw new FlamingoError(
      'media-unreadable',
      `${source.name} has ${total} frames; a clip of ${frames} is asked for.`,
      {
        hint: 'Ask for fewer frames.',
        details: { name: source.name, total, frames },
      },
    );
  }
  const images: ImageData[] = [];
  for (let i = 0; i < frames; i++) {
    const page = frames === 1 ? 0 : Math.floor((i * (total - 1)) / (frames - 1));
    images.push(
      await readFrame(bytes, page).catch((cause: unknown) => {
        throw undecodable(source.name, header, cause);
      }),
    );
  }
  return images;
}

async function readFrame(bytes: Uint8Array, page: number): Promise<ImageData> {
  const { data, info } = await sharp(bytes, { page, ignoreIcc: true, failOn: 'error', limitInputPixels: MAX_PIXELS })
    .toColourspace('srgb')
    .ensureAlpha()
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  return { width, height, data: new Uint8ClampedArray(data), colorSpace: 'srgb' } as unknown as ImageData; // Node has no such class
}
