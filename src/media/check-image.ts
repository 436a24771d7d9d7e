import { FlamingoError } from '../core/errors';
import { ascii, type ImageHeader, readImageHeader } from './image-header';

/** Largest picture that is decoded, in pixels: 64 Mpx take 256 MiB as RGBA. */
export const MAX_PIXELS = 64 * 1024 * 1024;

/** Largest file that is read as a picture. */
export const MAX_FILE_BYTES = 256 * 1024 * 1024;

const EXPECTED = 'PNG, JPEG, WebP or GIF';

/** Bytes of a picture file that is worth decoding. Throws `media-unreadable` before anything as large as the picture is allocated. */
export async function readImageFile(source: Blob): Promise<Uint8Array<ArrayBuffer>> {
  const name = source instanceof File ? source.name : 'The picture';
  if (source.size > MAX_FILE_BYTES) {
    throw unreadable(name, `has ${source.size} bytes; at most ${MAX_FILE_BYTES} are read`, 'Make it smaller first.', {
      got: source.size,
      limit: MAX_FILE_BYTES,
    });
  }
  const bytes = new Uint8Array(
    await source.arrayBuffer().catch((cause) => {
      throw unreadable(name, 'cannot be read any more', 'Choose the file again.', {}, cause);
    }),
  );
  checkImage(name, bytes);
  return bytes;
}

/** Header of a picture that is of a known type, whole, and small enough. Throws `media-unreadable` saying what came and what was expected. */
export function checkImage(name: string, bytes: Uint8Array): ImageHeader {
  const header = readImageHeader(bytes);
  if (!header) {
    const got = describeBytes(bytes);
    throw unreadable(name, `is ${got}; ${EXPECTED} is expected`, `Save it as PNG or JPEG, and add that.`, {
      got,
      expected: EXPECTED,
    });
  }
  checkSize(name, header.width, header.height);
  if (header.complete) return header;
  throw unreadable(
    name,
    `is a ${header.type.toUpperCase()} picture that was cut short after ${bytes.length} bytes`,
    'Copy or download it again.',
    { type: header.type, bytes: bytes.length },
  );
}

/** Throws `media-unreadable` for a picture without pixels or with more than MAX_PIXELS. */
export function checkSize(name: string, width: number, height: number): void {
  if (width > 0 && height > 0 && width * height <= MAX_PIXELS) return;
  const hint = width * height > 0 ? 'Make it smaller first.' : 'Save it again in another program.';
  throw unreadable(name, `has ${width} x ${height} = ${width * height} pixels; 1 to ${MAX_PIXELS} are accepted`, hint, {
    width,
    height,
    limit: MAX_PIXELS,
  });
}

/** The error of a file that looked like a picture, and whose decoder said otherwise. */
export function undecodable(name: string, { type, width, height }: ImageHeader, cause: unknown): FlamingoError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return unreadable(
    name,
    `looks like a ${type.toUpperCase()} picture of ${width} x ${height}, but cannot be decoded (${reason})`,
    'The file is damaged: copy or download it again, or save it anew as PNG or JPEG.',
    { type, width, height },
    cause,
  );
}

function unreadable(name: string, what: string, hint: string, details: Record<string, unknown>, cause?: unknown) {
  return new FlamingoError('media-unreadable', `${name} ${what}.`, { hint, details: { name, ...details }, cause });
}

const VIDEO = 'a video';

/** Brands of ISO media files (`ftyp`), as people know them. */
const BRANDS: Record<string, string> = {
  heic: 'a HEIC picture',
  heix: 'a HEIC picture',
  hevc: 'a HEIC picture',
  mif1: 'a HEIF picture',
  msf1: 'a HEIF picture',
  avif: 'an AVIF picture',
  avis: 'an AVIF picture',
};

const MAGIC: readonly [string, string][] = [
  ['\x89PNG', 'a PNG picture without a readable header'],
  ['\xff\xd8\xff', 'a JPEG picture without a readable header'],
  ['RIFF', 'a RIFF file that is no readable WebP picture'],
  ['GIF8', 'a GIF picture without a readable header'],
  ['BM', 'a BMP picture'],
  ['II*\0', 'a TIFF picture'],
  ['MM\0*', 'a TIFF picture'],
  ['%PDF', 'a PDF document'],
  ['PK\x03\x04', 'a zip archive or an office document'],
  ['\x1aE\xdf\xa3', VIDEO],
  ['OggS', VIDEO],
];

/** True for the containers that videos come in, by their first bytes. A HEIC picture has such a container too, and is none. */
export function looksLikeVideo(bytes: Uint8Array): boolean {
  return describeBytes(bytes) === VIDEO;
}

/** What a file seems to be, in words. */
function describeBytes(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'empty';
  if (ascii(bytes, 4, 4) === 'ftyp') return BRANDS[ascii(bytes, 8, 4)] ?? VIDEO;
  if (ascii(bytes, 0, 4) === 'RIFF' && ascii(bytes, 8, 4) === 'AVI ') return VIDEO;
  const known = MAGIC.find(([magic]) => ascii(bytes, 0, magic.length) === magic);
  if (known) return known[1];
  const start = ascii(bytes, 0, 1024);
  if (/<svg[\s>]/i.test(start)) return 'an SVG drawing';
  if (/^(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|\?xml)/i.test(start)) return 'a web page or XML file';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what tells binary from text
  return /[\x00-\x08\x0e-\x1f]/.test(start) ? 'of an unknown kind' : 'a text file';
}
