import { FlamingoError } from '../core/errors';
import { checkImage, checkSize, readImageFile, undecodable } from './check-image';
import { overWhite, type RgbImage } from './image';

/** Pixels read back at once: canvases above 16 Mpx stay blank on some phones, silently. */
const STRIP_PIXELS = 4 * 1024 * 1024;

/**
 * Decodes a picture in a page or worker: EXIF orientation applied, colour profiles ignored, the first frame of an animation, transparency over white.
 * Throws `media-unreadable`.
 */
export async function decodeImage(source: Blob | ImageBitmap | ImageData): Promise<RgbImage> {
  if (source instanceof ImageData) {
    checkSize('The picture', source.width, source.height);
    return overWhite(source.width, source.height, source.data as Uint8ClampedArray);
  }
  if (source instanceof ImageBitmap) {
    checkSize('The picture', source.width, source.height);
    return readBitmap(source);
  }
  const bitmap = await decodeBlob(source);
  try {
    checkSize('The picture', bitmap.width, bitmap.height);
    return readBitmap(bitmap);
  } finally {
    bitmap.close();
  }
}

async function decodeBlob(source: Blob): Promise<ImageBitmap> {
  const name = source instanceof File ? source.name : 'The picture';
  const bytes = await readImageFile(source);
  const header = checkImage(name, bytes);
  try {
    // Typed by what the bytes are: a wrong extension must not decide. `none`: values as stored, as training saw them.
    return await createImageBitmap(new Blob([bytes], { type: `image/${header.type}` }), {
      imageOrientation: 'from-image',
      premultiplyAlpha: 'none',
      colorSpaceConversion: 'none',
    });
  } catch (cause) {
    throw undecodable(name, header, cause);
  }
}

function readBitmap(bitmap: ImageBitmap): RgbImage {
  const { width, height } = bitmap;
  const rows = Math.max(1, Math.min(height, Math.floor(STRIP_PIXELS / width)));
  const canvas = new OffscreenCanvas(width, rows);
  const context = canvas.getContext('2d', { alpha: false, willReadFrequently: true });
  if (!context) {
    throw new FlamingoError('media-unreadable', `No canvas of ${width} x ${rows} could be made for the picture.`, {
      hint: 'Close other tabs, or use a smaller picture.',
      details: { width, rows },
    });
  }
  const data = new Uint8Array(width * height * 3);
  for (let top = 0; top < height; top += rows) {
    const count = Math.min(rows, height - top);
    context.fillStyle = '#fff';
    context.fillRect(0, 0, width, rows);
    context.drawImage(bitmap, 0, -top);
    const rgba = context.getImageData(0, 0, width, count).data;
    for (let from = 0, to = top * width * 3; from < rgba.length; from += 4, to += 3) {
      data[to] = rgba[from];
      data[to + 1] = rgba[from + 1];
      data[to + 2] = rgba[from + 2];
    }
  }
  return { width, height, data };
}
