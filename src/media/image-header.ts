/** What the first bytes of a picture say about it, before anything is decoded or allocated. */
export interface ImageHeader {
  readonly type: 'png' | 'jpeg' | 'gif' | 'webp';
  readonly width: number;
  readonly height: number;
  /** The file ends where its format says: false for one that was cut short. Always true for GIF, whose end is optional in practice. */
  readonly complete: boolean;
}

/** Type, dimensions (before EXIF rotation) and completeness; undefined when the bytes are none of the four formats or end within the header. */
export function readImageHeader(bytes: Uint8Array): ImageHeader | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (startsWith(bytes, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])) return png(view);
  if (startsWith(bytes, [0xff, 0xd8, 0xff])) return jpeg(bytes, view);
  if (ascii(bytes, 0, 6) === 'GIF87a' || ascii(bytes, 0, 6) === 'GIF89a') return gif(view);
  if (ascii(bytes, 0, 4) === 'RIFF' && ascii(bytes, 8, 4) === 'WEBP') return webp(bytes, view);
  return undefined;
}

/** Bytes as Latin-1 text; shorter at the end of the file. */
export function ascii(bytes: Uint8Array, offset: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(offset, offset + length));
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, i) => bytes[i] === byte);
}

/** IHDR is the first chunk; IEND the last. */
function png(view: DataView): ImageHeader | undefined {
  if (view.byteLength < 33 || view.getUint32(12) !== 0x49484452) return undefined;
  let complete = false;
  for (let at = 8; at + 12 <= view.byteLength && !complete; at += 12 + view.getUint32(at)) {
    complete = view.getUint32(at + 4) === 0x49454e44;
  }
  return { type: 'png', width: view.getUint32(16), height: view.getUint32(20), complete };
}

function gif(view: DataView): ImageHeader | undefined {
  if (view.byteLength < 13) return undefined;
  return { type: 'gif', width: view.getUint16(6, true), height: view.getUint16(8, true), complete: true };
}

/** Walks the segments, so that the dimensions and the end of an EXIF thumbnail are not taken for the picture's. ITU T.81, annex B. */
function jpeg(bytes: Uint8Array, view: DataView): ImageHeader | undefined {
  let size: { width: number; height: number } | undefined;
  for (let at = nextMarker(bytes, 2); at >= 0; ) {
    const code = bytes[at + 1];
    if (code === 0xd9) return size && { type: 'jpeg', ...size, complete: true };
    const length = at + 4 <= bytes.length ? view.getUint16(at + 2) : 0;
    if (length < 2) break;
    if (isFrame(code) && at + 9 <= bytes.length) {
      size = { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    }
    at = nextMarker(bytes, at + 2 + length);
  }
  return size && { type: 'jpeg', ...size, complete: false };
}

/** The next FF that begins a segment: not a stuffed 00, a fill FF, TEM or a restart marker within the entropy-coded data. */
function nextMarker(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(0xff, from); at >= 0 && at + 1 < bytes.length; at = bytes.indexOf(0xff, at + 1)) {
    const code = bytes[at + 1];
    if (code > 0x01 && code !== 0xff && !(code >= 0xd0 && code <= 0xd7)) return at;
  }
  return -1;
}

/** SOF0 to SOF15 without DHT, JPG and DAC, which share the range. */
function isFrame(code: number): boolean {
  return code >= 0xc0 && code <= 0xcf && code !== 0xc4 && code !== 0xc8 && code !== 0xcc;
}

/** VP8X holds 24-bit dimensions less one, VP8L 14 bits less one, VP8 14 bits. developers.google.com/speed/webp/docs/riff_container */
function webp(bytes: Uint8Array, view: DataView): ImageHeader | undefined {
  if (bytes.length < 30) return undefined;
  const complete = view.getUint32(4, true) + 8 <= bytes.length;
  const header = (width: number, height: number): ImageHeader => ({ type: 'webp', width, height, complete });
  const u24 = (at: number) => view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
  switch (ascii(bytes, 12, 4)) {
    case 'VP8X':
      return header(u24(24) + 1, u24(27) + 1);
    case 'VP8L': {
      const bits = view.getUint32(21, true);
      return header((bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1);
    }
    case 'VP8 ':
      return header(view.getUint16(26, true) & 0x3fff, view.getUint16(28, true) & 0x3fff);
    default:
      return undefined;
  }
}
