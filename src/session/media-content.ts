import { sha256 } from '../format/verified-read';

/**
 * What a picture or clip is, as a name: the sha256 of its pixels [F,3,S,S] as the vision encoder takes them, so that preprocessing is part of it.
 * A page that may not compute checksums gets a name of its own for each picture: nothing is found again then, and nothing is confused.
 */
export async function mediaContent(pixels: Float32Array, frames: number): Promise<string> {
  if (!globalThis.crypto?.subtle) return `unhashed ${Math.random()} ${performance.now()}`;
  const bytes = new Uint8Array(pixels.buffer as ArrayBuffer, pixels.byteOffset, pixels.byteLength);
  return `${frames} ${await sha256(bytes)}`;
}
