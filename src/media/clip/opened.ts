import { FlamingoError } from '../../core/errors';

/** What a source turned out to be. */
export interface ClipFacts {
  /** How its frames are decoded. */
  readonly way: 'webcodecs' | 'video element' | 'image decoder' | 'pictures' | 'camera';
  /** Width and height of a frame in pixels, upright. */
  readonly width: number;
  readonly height: number;
  /** Seconds; 0 where it has none. */
  readonly duration: number;
  /** As in `video/mp4; codecs="avc1.64001f"`, where it is known. */
  readonly codec?: string;
}

/** A source that can be read: its facts, and its frames at given times. */
export interface OpenedClip extends Disposable {
  readonly facts: ClipFacts;
  /** Begin and end of the last frame, in seconds. */
  readonly last: number;
  readonly ends: number;
  /** The frame shown at each of the ascending times; one is decoded at a time. */
  frames(times: readonly number[], size: FrameSize, signal?: AbortSignal): AsyncGenerator<ClipFrame>;
}

export interface FrameSize {
  readonly width: number;
  readonly height: number;
}

export interface ClipFrame {
  readonly image: ImageBitmap;
  /** Seconds at which the source shows it. */
  readonly time: number;
}

type Draw = (context: OffscreenCanvasRenderingContext2D) => void;

/** A picture of what `draw` paints, over white. Throws `media-unreadable` when no canvas of that size can be made. */
export function snapshot({ width, height }: FrameSize, draw: Draw): ImageBitmap {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d', { alpha: false });
  if (!context) {
    throw new FlamingoError('media-unreadable', `No canvas of ${width} x ${height} could be made for the frame.`, {
      hint: 'Close other tabs, or use a smaller video.',
      details: { width, height },
    });
  }
  context.imageSmoothingQuality = 'high';
  context.fillStyle = '#fff';
  context.fillRect(0, 0, width, height);
  draw(context);
  return canvas.transferToImageBitmap();
}

/** The error of a clip that cannot be read: what was found, and what to do. */
export function unreadable(name: string, found: string, hint: string, details: object = {}, cause?: unknown) {
  return new FlamingoError('media-unreadable', `${name} ${found}.`, { hint, details: { name, ...details }, cause });
}

/** What a file is called in messages. */
export function nameOf(source: Blob): string {
  return source instanceof File && source.name ? source.name : 'The video';
}
