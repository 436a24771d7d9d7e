import { readAnimation } from '../media/animation';
import { looksLikeVideo, MAX_FILE_BYTES, readImageFile } from '../media/check-image';
import type { Picture } from './content';

/** A file as it stands in a message: moving pictures become a clip of up to `frames` frames, others a picture. Throws `media-unreadable`, `invalid-option`. */
export async function takeFile(file: Blob, frames: number): Promise<Picture> {
  return (await moves(file)) ? await toClip(file, frames) : await toPicture(file);
}

/** A file as a picture of the message, checked by its header before the browser gets to see it. Throws `media-unreadable`. */
export async function toPicture(blob: Blob): Promise<Picture> {
  await readImageFile(blob);
  return { id: crypto.randomUUID(), blob, name: nameOf(blob, 'picture'), url: URL.createObjectURL(blob) };
}

/**
 * A video or an animated picture as one medium of the message. Its frames are kept as PNG files, which browsers move out of memory, so that the clip can be read again by another session.
 * Throws `media-unreadable`, `invalid-option`, `unsupported`.
 */
export async function toClip(blob: Blob, frames: number): Promise<Picture> {
  const name = nameOf(blob, 'clip');
  const stills: Blob[] = [];
  const { eachFrame } = await import('../media/clip/clip-frames'); // a page without videos does not load it
  for await (const { image } of eachFrame(blob, { frames })) {
    stills.push(await toPng(image, `${name}, frame ${stills.length + 1}`));
  }
  return { id: crypto.randomUUID(), blob, name, url: URL.createObjectURL(stills[0]), frames: stills };
}

async function moves(file: Blob): Promise<boolean> {
  const head = new Uint8Array(
    await file
      .slice(0, 64)
      .arrayBuffer()
      .catch(() => new ArrayBuffer()),
  );
  if (looksLikeVideo(head) || file.type.startsWith('video/')) return true;
  if (!('ImageDecoder' in globalThis) || file.size > MAX_FILE_BYTES) return false; // then its first frame is the picture
  const bytes = new Uint8Array(await file.arrayBuffer().catch(() => new ArrayBuffer()));
  return (readAnimation(bytes)?.durations.length ?? 0) > 1;
}

async function toPng(image: ImageBitmap, name: string): Promise<File> {
  const canvas = new OffscreenCanvas(image.width, image.height);
  canvas.getContext('bitmaprenderer')?.transferFromImageBitmap(image); // closes the bitmap
  return new File([await canvas.convertToBlob({ type: 'image/png' })], name, { type: 'image/png' });
}

function nameOf(blob: Blob, otherwise: string): string {
  return blob instanceof File && blob.name ? blob.name : otherwise;
}
