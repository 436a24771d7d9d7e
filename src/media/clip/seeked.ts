import { throwIfAborted } from '../../core/errors';
import { type ClipFrame, type FrameSize, nameOf, type OpenedClip, snapshot, unreadable } from './opened';

/** A seek far behind the end: browsers find out the length of recordings that do not state it. */
const FAR = 1e7;

/** A video in a <video> element, frame by frame by seeking: what a browser without WebCodecs, or with codecs that only its player has, can read. Throws `media-unreadable`. */
export async function openSeeked(source: Blob, found: string, signal?: AbortSignal): Promise<OpenedClip> {
  if (!globalThis.document) throw unreadable(nameOf(source), found, 'Open it in a page: a worker cannot play it.');
  const video = document.createElement('video');
  video.muted = true;
  video.preload = 'auto';
  const address = URL.createObjectURL(source);
  const dispose = () => {
    video.removeAttribute('src');
    video.load();
    URL.revokeObjectURL(address);
  };
  const cannot = () =>
    unreadable(
      nameOf(source),
      `${found}, and this browser cannot play it (${video.error?.message || 'no frame came'})`,
      'Convert it to MP4 with H.264 or WebM with VP9, or use another browser.',
      { type: source.type },
    );
  try {
    const loaded = happens(video, 'loadeddata', cannot, signal);
    video.src = address;
    await loaded;
    const { videoWidth: width, videoHeight: height } = video;
    if (width === 0) throw unreadable(nameOf(source), 'has no video', 'Choose a file with moving pictures.');
    if (!Number.isFinite(video.duration)) await seek(video, FAR, cannot, signal);
    const ends = Number.isFinite(video.duration) ? video.duration : video.currentTime;
    return {
      facts: { way: 'video element', width, height, duration: ends },
      last: Math.max(0, ends - 0.001), // the end itself has no frame in some browsers
      ends,
      frames: (times, size, stop) => frames(video, times, size, cannot, stop),
      [Symbol.dispose]: dispose,
    };
  } catch (error) {
    dispose();
    throw error;
  }
}

async function* frames(
  video: HTMLVideoElement,
  times: readonly number[],
  size: FrameSize,
  cannot: () => Error,
  signal: AbortSignal | undefined,
): AsyncGenerator<ClipFrame> {
  for (const time of times) {
    await seek(video, time, cannot, signal);
    yield { image: snapshot(size, (context) => context.drawImage(video, 0, 0, size.width, size.height)), time };
  }
}

async function seek(video: HTMLVideoElement, time: number, cannot: () => Error, signal?: AbortSignal): Promise<void> {
  throwIfAborted(signal);
  const seeked = happens(video, 'seeked', cannot, signal);
  video.currentTime = time;
  await seeked;
}

/** Resolves at the event, rejects at `error` or when the signal fires. */
function happens(video: HTMLVideoElement, event: string, cannot: () => Error, signal?: AbortSignal): Promise<void> {
  const done = new AbortController();
  return new Promise<void>((resolve, reject) => {
    const { signal: until } = done;
    video.addEventListener(event, () => resolve(), { signal: until });
    video.addEventListener('error', () => reject(cannot()), { signal: until });
    signal?.addEventListener('abort', () => rejectAborted(signal, reject), { signal: until });
  }).finally(() => done.abort());
}

function rejectAborted(signal: AbortSignal, reject: (error: unknown) => void): void {
  try {
    throwIfAborted(signal);
  } catch (error) {
    reject(error);
  }
}
