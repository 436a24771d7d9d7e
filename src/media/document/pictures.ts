import { isFlamingoError } from '../../core/errors';
import { checkImage, readImageFile } from '../check-image';
import type { InterleaveOptions, LeftOutPicture, PictureElement, RemotePicture } from './types';

/** Flamingo, appendix on M3W: smaller pictures, and those wider or taller than this, are left out. */
export const SMALLEST = 64;
export const WIDEST = 3;

export type Found = { blob: Blob; address: string } | { remote: RemotePicture } | { leftOut: LeftOutPicture };

/** The file behind a picture: in the document itself, or given along. Nothing is fetched. */
export async function findPicture(picture: PictureElement, options: InterleaveOptions): Promise<Found> {
  const address = shorten(picture.src);
  const leftOut = (reason: string) => ({ leftOut: { address, reason } });
  if (picture.src === '') return leftOut('has no address');
  const remote = absolute(picture.src, options.base);
  const blob = fromData(picture.src) ?? given(picture.src, remote, options.files);
  if (blob) {
    const reason = await reasonAgainst(blob);
    return reason ? leftOut(reason) : { blob, address };
  }
  if (!remote) return leftOut(/^data:/i.test(picture.src) ? 'is no readable picture' : 'was not given along');
  const stated = reasonAgainstSize(picture.width, picture.height);
  return stated ? leftOut(stated) : { remote: { address: remote, alt: picture.alt } };
}

async function reasonAgainst(blob: Blob): Promise<string | undefined> {
  try {
    const { width, height } = checkImage('The picture', await readImageFile(blob));
    return reasonAgainstSize(width, height);
  } catch (error) {
    if (!isFlamingoError(error)) throw error;
    return error.message.replace(/^The picture /, '').replace(/\.$/, '');
  }
}

/** Why a picture of this size is left out; unknown sizes (NaN) pass. */
export function reasonAgainstSize(width: number, height: number): string | undefined {
  const size = `${width} x ${height}`;
  if (width < SMALLEST || height < SMALLEST) return `is ${size}; under ${SMALLEST} pixels`;
  if (Math.max(width / height, height / width) > WIDEST) return `is ${size}; wider or taller than ${WIDEST} to 1`;
  return undefined;
}

/** A file that was given along, by address as written, absolute address, path or name. */
function given(src: string, remote: string | undefined, files?: ReadonlyMap<string, Blob>): Blob | undefined {
  if (!files) return undefined;
  const path = decoded(src.replace(/[?#].*$/, '').replace(/^\.\//, ''));
  const names = [src, remote ?? src, path, path.replace(/^.*\//, '')];
  for (const name of names) {
    const file = files.get(name);
    if (file) return file;
  }
  return undefined;
}

/** An address that a picture can be fetched from. */
function absolute(src: string, base: string | undefined): string | undefined {
  const url = URL.canParse(src, base) ? new URL(src, base) : undefined;
  return url && /^https?:$/.test(url.protocol) ? url.href : undefined;
}

/** `data:image/png;base64,…` as a file; undefined for another address, or damaged base64. */
function fromData(src: string): Blob | undefined {
  const match = /^data:([\w/+.-]*)((?:;[^;,]+)*),/i.exec(src);
  if (!match) return undefined;
  const body = src.slice(match[0].length);
  const { 1: type, 2: parameters } = match;
  if (!/;base64$/i.test(parameters)) return new Blob([decoded(body)], { type });
  try {
    return new Blob([Uint8Array.from(atob(decoded(body).replace(/\s/g, '')), (c) => c.charCodeAt(0))], { type });
  } catch {
    return undefined;
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Addresses in messages: data: ones are as long as the picture. */
function shorten(src: string): string {
  return src.length > 200 ? `${src.slice(0, 60)}…` : src;
}
