import { throwIfAborted } from '../../core/errors';
import { checkSize } from '../check-image';
import { type Clip, fittingSize } from './clip-frames';
import { snapshot, unreadable } from './opened';
import { checkClipOptions } from './plan';

export interface CameraClipOptions {
  frames: number;
  /** Frames per second, 1 by default: the rate that Flamingo was trained with. */
  fps?: number;
  signal?: AbortSignal;
}

/**
 * Frames of a live stream (a camera, a screen, a canvas), taken one after the other from now on. The stream goes on; stopping its tracks is the caller's. Throws `media-unreadable` when it has no picture or
 * ends before the last frame, `aborted`.
 */
export async function cameraClip(stream: MediaStream, options: CameraClipOptions): Promise<Clip> {
  const { frames, fps = 1, signal } = options;
  checkClipOptions(options);
  const [track] = stream.getVideoTracks();
  if (track?.readyState !== 'live') {
    throw unreadable('The stream', 'has no live video track', 'Ask for the camera again.', {
      tracks: stream.getVideoTracks().length,
    });
  }
  const video = document.createElement('video');
  const images: ImageBitmap[] = [];
  const times: number[] = [];
  try {
    Object.assign(video, { muted: true, playsInline: true, srcObject: stream });
    await settled(video.play(), track, signal);
    const { videoWidth: width, videoHeight: height } = video;
    checkSize('The stream', width, height);
    const size = fittingSize({ width, height }, frames);
    const begin = performance.now();
    for (let i = 0; i < frames; i++) {
      const wait = begin + (i * 1000) / fps - performance.now();
      await settled(
        new Promise((resolve) => setTimeout(resolve, Math.max(0, wait))),
        track,
        signal,
        `${i} of ${frames}`,
      );
      images.push(snapshot(size, (context) => context.drawImage(video, 0, 0, size.width, size.height)));
      times.push((performance.now() - begin) / 1000);
    }
    return Object.assign(images, { way: 'camera' as const, width, height, duration: times.at(-1) ?? 0, times });
  } catch (error) {
    for (const image of images) image.close();
    throw error;
  } finally {
    video.pause();
    video.srcObject = null;
  }
}

/** Waits, but no longer than the track lives and nobody stops it. */
async function settled(
  work: Promise<unknown>,
  track: MediaStreamTrack,
  signal?: AbortSignal,
  taken = '0',
): Promise<void> {
  const done = new AbortController();
  const interrupted = new Promise<void>((resolve) => {
    track.addEventListener('ended', () => resolve(), { signal: done.signal });
    signal?.addEventListener('abort', () => resolve(), { signal: done.signal });
  });
  await Promise.race([work, interrupted]).finally(() => done.abort());
  throwIfAborted(signal);
  if (track.readyState === 'live') return;
  throw unreadable('The stream', `ended after ${taken} frames`, 'Keep the camera on until the clip is taken.');
}
