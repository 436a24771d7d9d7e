import { openAsBlob, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { isFlamingoError } from '../core/errors';
import { checkImage, MAX_PIXELS } from './check-image';
import { decodeImage } from './decode-node';
import { readImageHeader } from './image-header';

const folder = fileURLToPath(new URL('../../e2e/goldens/preprocess/', import.meta.url));
const read = (file: string) => new Uint8Array(readFileSync(folder + file));
const bytes = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

/** A PNG of `width` x `height` with a sound header and end, and hardly any data between. */
function hugePng(width: number, height: number): Uint8Array<ArrayBuffer> {
  const png = read('00.png');
  const view = new DataView(png.buffer);
  view.setUint32(16, width);
  view.setUint32(20, height);
  return png;
}

describe('what is no picture is refused before decoding', () => {
  const cases: [string, Uint8Array, RegExp][] = [
    ['an empty file', new Uint8Array(0), /is empty; PNG, JPEG, WebP or GIF is expected/],
    ['a text file', bytes('Dear diary,\nno picture here.\n'), /is a text file/],
    ['an SVG', bytes('<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>'), /is an SVG drawing/],
    ['a web page', bytes('<!DOCTYPE html><title>404</title>'), /is a web page/],
    ['a HEIC', bytes('\0\0\0\x18ftypheic\0\0\0\0mif1heic'), /is a HEIC picture/],
    ['an AVIF', bytes('\0\0\0\x18ftypavif\0\0\0\0mif1'), /is an AVIF picture/],
    ['a video', bytes('\0\0\0\x18ftypisom\0\0\0\0isom'), /is a video/],
    ['a PDF', bytes('%PDF-1.7'), /is a PDF document/],
    ['binary data', Uint8Array.from([1, 2, 3, 4, 5, 0, 7]), /of an unknown kind/],
    ['a PNG that ends in its header', read('04.png').subarray(0, 20), /without a readable header/],
    ['30,000 x 30,000', hugePng(30_000, 30_000), new RegExp(`30000 x 30000 = 900000000 pixels; 1 to ${MAX_PIXELS}`)],
    ['a PNG without pixels', hugePng(0, 7), /0 x 7 = 0 pixels/],
  ];
  it.each(cases)('%s', async (_, content, message) => {
    const file = new File([content as BlobPart], 'dropped');
    await expect(decodeImage(file)).rejects.toMatchObject({
      code: 'media-unreadable',
      message: expect.stringMatching(message),
      hint: expect.stringMatching(/.+/),
    });
    await expect(decodeImage(file)).rejects.toThrow(/^dropped /);
  });

  it.each(['04.png', '15-exif2.jpg'])('%s cut short anywhere', async (name) => {
    const whole = read(name);
    for (const share of [0.1, 0.5, 0.9, 0.99]) {
      const cut = new Blob([whole.subarray(0, Math.floor(whole.length * share))]);
      await expect(decodeImage(cut)).rejects.toMatchObject({ code: 'media-unreadable' });
    }
    expect(() => checkImage(name, whole.subarray(0, whole.length - 2))).toThrow(/cut short/);
  });
});

describe('headers', () => {
  it.each(['png', 'jpeg', 'gif', 'webp'] as const)('%s', async (type) => {
    const picture = sharp({
      create: { width: 70, height: 33, channels: 4, background: { r: 9, g: 200, b: 30, alpha: 0.5 } },
    });
    const encoded = new Uint8Array(await picture.toFormat(type).toBuffer());
    expect(readImageHeader(encoded)).toEqual({ type, width: 70, height: 33, complete: true });
  });

  it.each([{ lossless: true }, { lossless: false, alphaQuality: 50 }, { lossless: false }])(
    'webp %j',
    async (options) => {
      const channels = 'alphaQuality' in options ? 4 : 3;
      const picture = sharp({ create: { width: 300, height: 5, channels, background: '#1239' } });
      const encoded = new Uint8Array(await picture.webp(options).toBuffer());
      expect(readImageHeader(encoded)).toMatchObject({ type: 'webp', width: 300, height: 5, complete: true });
      expect(readImageHeader(encoded.subarray(0, encoded.length - 4))).toMatchObject({ complete: false });
    },
  );

  it('does not take the thumbnail in a JPEG for the picture', async () => {
    const thumbnail = await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
      .jpeg()
      .toBuffer();
    const picture = await sharp({ create: { width: 90, height: 50, channels: 3, background: 'blue' } })
      .jpeg()
      .toBuffer();
    const segment = Buffer.concat([Buffer.from([0xff, 0xe1, 0, thumbnail.length + 2]), thumbnail]);
    segment.writeUInt16BE(thumbnail.length + 2, 2);
    const whole = new Uint8Array(Buffer.concat([picture.subarray(0, 2), segment, picture.subarray(2)]));
    expect(readImageHeader(whole)).toEqual({ type: 'jpeg', width: 90, height: 50, complete: true });
    expect(readImageHeader(whole.subarray(0, whole.length - 20))).toMatchObject({ width: 90, complete: false });
  });
});

describe('damaged pictures', () => {
  const originals = ['01.png', '19.png', '09.png', '07-exif1.jpg'].map(read);
  const damage = fc.record({
    which: fc.nat(originals.length - 1),
    changes: fc.array(fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), value: fc.nat(255) }), {
      maxLength: 6,
    }),
  });

  it('give pixels or a media-unreadable error, nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(damage, async ({ which, changes }) => {
        const copy = originals[which].slice();
        for (const { at, value } of changes) copy[Math.floor(at * (copy.length - 1))] = value;
        try {
          const { width, height, data } = await decodeImage(new Blob([copy]));
          expect(data).toHaveLength(width * height * 3);
        } catch (error) {
          expect(isFlamingoError(error) && error.code).toBe('media-unreadable');
        }
      }),
      { numRuns: 150 },
    );
  });
});

describe('transparency', () => {
  it('is composited over white from an ImageData too', async () => {
    const data = Uint8ClampedArray.from([0, 0, 0, 0, 0, 0, 0, 255, 200, 100, 0, 128]);
    const image = await decodeImage({ width: 3, height: 1, data, colorSpace: 'srgb' } as ImageData);
    expect([...image.data]).toEqual([255, 255, 255, 0, 0, 0, 227, 177, 127]);
  });

  it('hides the colours of transparent pixels in a file', async () => {
    const raw = Buffer.from([10, 20, 30, 0, 10, 20, 30, 255]);
    const png = await sharp(raw, { raw: { width: 2, height: 1, channels: 4 } })
      .png()
      .toBuffer();
    const image = await decodeImage(new Blob([new Uint8Array(png)]));
    expect([...image.data]).toEqual([255, 255, 255, 10, 20, 30]);
  });

  it('reads a picture named as another type', async () => {
    const blob = await openAsBlob(`${folder}07-exif1.jpg`, { type: 'image/png' });
    expect(await decodeImage(blob)).toMatchObject({ width: 225, height: 224 });
  });
});
