/** A decoded picture: 8-bit RGB, row-major [height, width, 3], upright, transparency already over white. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** Decodes a picture. Throws `media-unreadable`. Two implementations: decode-browser and decode-node. */
export type DecodeImage = (source: Blob | ImageBitmap | ImageData) => Promise<RgbImage>;

/**
 * Straight (not premultiplied) RGBA [height, width, 4] over white, to the last bit as Pillow's alpha_composite does it on an opaque ground
 * (libImaging/AlphaComposite.c: 7 extra bits, division by 255 through shifts).
 */
export function overWhite(width: number, height: number, rgba: Uint8Array | Uint8ClampedArray): RgbImage {
  const data = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; to < data.length; from += 4, to += 3) {
    const alpha = rgba[from + 3];
    const ground = 255 * (255 - alpha) + 128; // 128: rounds
    for (let channel = 0; channel < 3; channel++) {
      const sum = (rgba[from + channel] * alpha + ground) << 7;
      data[to + channel] = ((sum >>> 8) + sum) >>> 15;
    }
  }
  return { width, height, data };
}
