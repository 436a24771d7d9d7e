import { isFlamingoError, throwIfAborted } from '../../core/errors';
import { checkSize, MAX_PIXELS } from '../check-image';
import { ascii } from '../image-header';
import { openAnimated } from './animated';
import { type ClipFacts, type ClipFrame, type FrameSize, nameOf, type OpenedClip, unreadable } from './opened';
import { type ClipOptions, checkClipOptions, framesAt, planTimes, startsOf } from './plan';
import { openSeeked } from './seeked';

/** Frames for `session.addMedia`, in order, and where they come from. Frames of a video are ImageBitmaps; those of a row of pictures are the pictures. */
export type Clip = readonly (Blob | ImageBitmap | ImageData)[] & ClipFacts & { readonly times: readonly number[] };

/** A row of pictures as a source: they follow each other at `rate` pictures per second (1). */
export interface PictureRow {
  readonly pictures: readonly (Blob | ImageBitmap | ImageData)[];
  readonly rate?: number;
}

/**
 * The frames of a clip: of a video file (MP4, MOV, WebM, Matroska, and what the browser's player knows), an animated GIF, WebP or PNG, or a row of pictures.
 * Exact frames by WebCodecs where the browser has it, by seeking in a <video> element otherwise. Of a long video only what is needed is decoded, one frame at a time; all frames together
 * have at most 64 Mpx: larger ones are made smaller. Throws `media-unreadable`, `invalid-option`, `unsupported`, `aborted`.
 *
 *     const clip = await session.addMedia(await clipFrames(file, { frames: 8 }));
 */
export async function clipFrames(source: Blob | PictureRow, options: ClipOptions): Promise<Clip> {
  checkClipOptions(options);
  if (!(source instanceof Blob)) return fromPictures(source, options);
  const images: ImageBitmap[] = [];
  const times: number[] = [];
  try {
    using opened = await openClip(source, options.signal);
    for await (const { image, time } of readClip(opened, source, options)) {
      images.push(image);
      times.push(time);
    }
    return Object.assign(images, opened.facts, { times });
  } catch (error) {
    for (const image of images) image.close();
    throw error;
  }
}

/** Frame after frame, for those who need not hold them all. Throws as clipFrames does. */
export async function* eachFrame(source: Blob, options: ClipOptions): AsyncGenerator<ClipFrame> {
  checkClipOptions(options);
  using opened = await openClip(source, options.signal);
  yield* readClip(opened, source, options);
}

async function openClip(source: Blob, signal?: AbortSignal): Promise<OpenedClip> {
  const head = new Uint8Array(await source.slice(0, 64).arrayBuffer());
  throwIfAborted(signal);
  if (isPicture(head)) return await openAnimated(source);
  if (source.size === 0) throw unreadable(nameOf(source), 'is empty', 'Choose another file.', { bytes: 0 });
  if (!('VideoDecoder' in globalThis)) return await openSeeked(source, 'is a video', signal);
  const { openDemuxed, Undecodable } = await import('./demuxed'); // the demuxer is loaded with the first video
  const opened = await openDemuxed(source).catch((cause: unknown) => {
    throw broken(source, cause);
  });
  return opened instanceof Undecodable ? await openSeeked(source, opened.found, signal) : opened;
}

async function* readClip(opened: OpenedClip, source: Blob, options: ClipOptions): AsyncGenerator<ClipFrame> {
  const { width, height } = opened.facts;
  checkSize(nameOf(source), width, height);
  const times = planTimes(options, opened);
  let frames = 0;
  try {
    let before = Number.NEGATIVE_INFINITY;
    for await (const frame of opened.frames(times, fittingSize(opened.facts, times.length), options.signal)) {
      const again = options.fps === undefined && frame.time <= before; // spread over fewer frames than were asked for
      before = frame.time;
      if (again) {
        frame.image.close();
        continue;
      }
      frames++;
      yield frame;
    }
  } catch (cause) {
    throw broken(source, cause, `after ${frames} of ${times.length} frames`);
  }
  throwIfAborted(options.signal);
  if (frames > 0) return;
  throw unreadable(
    nameOf(source),
    `gave 0 of ${times.length} frames`,
    'The file is damaged: copy or download it again.',
    {
      frames: 0,
      wanted: times.length,
    },
  );
}

/** Size of the frames, so that all of them together have at most MAX_PIXELS. */
export function fittingSize({ width, height }: FrameSize, frames: number): FrameSize {
  const scale = Math.min(1, Math.sqrt(MAX_PIXELS / (frames * width * height)));
  return { width: Math.max(1, Math.floor(width * scale)), height: Math.max(1, Math.floor(height * scale)) };
}

function fromPictures({ pictures, rate = 1 }: PictureRow, options: ClipOptions): Clip {
  if (pictures.length === 0)
    throw unreadable('The row of pictures', 'has 0 frames', 'Give at least one.', { frames: 0 });
  const { starts, last, ends } = startsOf(pictures.map(() => 1 / rate));
  const shown = framesAt(starts, planTimes(options, { last, ends }));
  const chosen = options.fps === undefined ? [...new Set(shown)] : shown;
  const facts: ClipFacts = { way: 'pictures', width: 0, height: 0, duration: ends };
  return Object.assign(
    chosen.map((i) => pictures[i]),
    facts,
    { times: chosen.map((i) => starts[i]) },
  );
}

/** An error of a demuxer or decoder, as what it means to the user. */
function broken(source: Blob, cause: unknown, where = 'while its structure was read'): unknown {
  if (isFlamingoError(cause)) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  const hint = 'The file is damaged or incomplete: copy or download it again, or convert it to MP4 with H.264.';
  return unreadable(nameOf(source), `cannot be decoded ${where} (${reason})`, hint, { bytes: source.size }, cause);
}

/** PNG, JPEG, GIF or WebP, by the first bytes. */
function isPicture(head: Uint8Array): boolean {
  const start = ascii(head, 0, 4);
  return /^(\x89PNG|\xff\xd8\xff|GIF8)/.test(start) || (start === 'RIFF' && ascii(head, 8, 4) === 'WEBP');
}
