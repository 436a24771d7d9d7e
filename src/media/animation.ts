import { ascii, readImageHeader } from './image-header';

/** Frames of an animated picture: how long each is shown, in seconds. */
export interface Animation {
  readonly durations: readonly number[];
}

/** Browsers show frames of up to 10 ms for 100 ms: early files had 0 where they meant "as fast as it goes". */
const SHORTEST = 0.011;
const USUAL = 0.1;

/** Durations of the frames of a GIF, APNG or WebP, read from its structure; one frame for a still picture; undefined for other files. Nothing is decoded. */
export function readAnimation(bytes: Uint8Array): Animation | undefined {
  const header = readImageHeader(bytes);
  if (!header) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = { gif, png, webp, jpeg: () => [] }[header.type];
  const durations = read(view, bytes).map((seconds) => (seconds < SHORTEST ? USUAL : seconds));
  return { durations: durations.length > 0 ? durations : [USUAL] };
}

/** Graphic control extensions hold the delay of the image behind them, in 1/100 s. GIF89a specification. */
function gif(view: DataView): number[] {
  const durations: number[] = [];
  const tableBytes = (flags: number) => (flags & 0x80 ? 3 << ((flags & 7) + 1) : 0);
  let delay = 0;
  let at = 13 + tableBytes(view.getUint8(10));
  const skipBlocks = () => {
    while (at < view.byteLength && view.getUint8(at) !== 0) at += view.getUint8(at) + 1;
    at++;
  };
  while (at + 10 < view.byteLength) {
    const kind = view.getUint8(at);
    if (kind === 0x21) {
      if (view.getUint8(at + 1) === 0xf9) delay = view.getUint16(at + 4, true) / 100;
      at += 2;
      skipBlocks();
    } else if (kind === 0x2c) {
      durations.push(delay);
      delay = 0;
      at += 10 + tableBytes(view.getUint8(at + 9)) + 1; // and the LZW code size
      skipBlocks();
    } else break;
  }
  return durations;
}

/** One fcTL chunk per frame: delay as a fraction, denominator 0 means 100. W3C PNG, third edition. */
function png(view: DataView, bytes: Uint8Array): number[] {
  const durations: number[] = [];
  for (let at = 8; at + 12 <= view.byteLength; at += 12 + view.getUint32(at)) {
    const type = ascii(bytes, at + 4, 4);
    if (type === 'IDAT' && durations.length === 0 && !hasFrames(bytes, view)) return [];
    if (type !== 'fcTL' || at + 34 > view.byteLength) continue;
    durations.push(view.getUint16(at + 28) / (view.getUint16(at + 30) || 100));
  }
  return durations;
}

/** acTL stands before the first IDAT of an animation. */
function hasFrames(bytes: Uint8Array, view: DataView): boolean {
  for (let at = 8; at + 12 <= view.byteLength; at += 12 + view.getUint32(at)) {
    const type = ascii(bytes, at + 4, 4);
    if (type === 'acTL') return true;
    if (type === 'IDAT') return false;
  }
  return false;
}

/** One ANMF chunk per frame, 24 bits of milliseconds at offset 12. developers.google.com/speed/webp/docs/riff_container */
function webp(view: DataView, bytes: Uint8Array): number[] {
  const durations: number[] = [];
  for (let at = 12; at + 8 <= view.byteLength; ) {
    const size = view.getUint32(at + 4, true);
    if (ascii(bytes, at, 4) === 'ANMF' && at + 24 <= view.byteLength) {
      durations.push((view.getUint16(at + 20, true) | (view.getUint8(at + 22) << 16)) / 1000);
    }
    at += 8 + size + (size & 1);
  }
  return durations;
}
