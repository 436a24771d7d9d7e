import sharp from 'sharp';
import { FlamingoError } from '../core/errors';
import { checkImage, checkSize, MAX_PIXELS, readImageFile, undecodable } from './check-image';
import { overWhite, type RgbImage } from './image';

/**
 * Decodes a picture in Node, as Pillow would: EXIF orientation applied, colour profiles ignored, the first frame of an animation, transparency over white.
 * Throws `media-unreadable`; `unsupported` for an ImageBitmap, which Node does not have.
 */
export async function decodeImage(source: Blob | ImageBitmap | ImageData): Promise<RgbImage> {
  if (source instanceof Blob) return await decodeBlob(source);
  if ('data' in source) {
    checkSize('The picture', source.width, source.height);
    return overWhite(source.width, source.height, source.data as Uint8ClampedArray);
  }
  throw new FlamingoError('unsupported', 'An ImageBitmap was given, which Node cannot read.', {
    hint: 'Give a Blob of a PNG, JPEG, WebP or GIF file, or an ImageData.',
  });
}

async function decodeBlob(source: Blob): Promise<RgbImage> {
  const name = source instanceof File ? source.name : 'The picture';
  const bytes = await readImageFile(source);
  try {
    const { data, info } = await sharp(bytes, { ignoreIcc: true, failOn: 'error', limitInputPixels: MAX_PIXELS })
      .autoOrient()
      .toColourspace('srgb')
      .ensureAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return overWhite(info.width, info.height, data);
  } catch (cause) {
    throw undecodable(name, checkImage(name, bytes), cause);
  }
}
