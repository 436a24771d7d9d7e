import { FlamingoError, throwIfAborted } from '../../core/errors';
import { readAnimation } from '../animation';
import { checkImage, readImageFile, undecodable } from '../check-image';
import { type ClipFrame, nameOf, type OpenedClip, snapshot } from './opened';
import { framesAt, startsOf } from './plan';

/** An animated GIF, WebP or PNG in the browser's ImageDecoder, frame by frame. Throws `media-unreadable`, and `unsupported` where there is no ImageDecoder. */
export async function openAnimated(source: Blob): Promise<OpenedClip> {
  const name = nameOf(source);
  const bytes = await readImageFile(source);
  const header = checkImage(name, bytes);
  const { durations } = readAnimation(bytes)!; // there is one, as there is a header
  if (!('ImageDecoder' in globalThis)) {
    throw new FlamingoError(
      'unsupported',
      `This browser has no ImageDecoder for the ${durations.length} frames of ${name}.`,
      {
        hint: 'Add it as a picture, or convert it to WebM or MP4.',
        details: { name, frames: durations.length },
      },
    );
  }
  const { starts, last, ends } = startsOf(durations);
  const decoder = new ImageDecoder({ data: bytes, type: `image/${header.type}`, colorSpaceConversion: 'none' });
  async function* frames(
    times: readonly number[],
    size: { width: number; height: number },
    signal?: AbortSignal,
  ): AsyncGenerator<ClipFrame> {
    for (const frameIndex of framesAt(starts, times)) {
      throwIfAborted(signal);
      const { image } = await decoder.decode({ frameIndex }).catch((cause: unknown) => {
        throw undecodable(name, header, cause);
      });
      try {
        const draw = (context: OffscreenCanvasRenderingContext2D) =>
          context.drawImage(image, 0, 0, size.width, size.height);
        yield { image: snapshot(size, draw), time: starts[frameIndex] };
      } finally {
        image.close();
      }
    }
  }
  return {
    facts: { way: 'image decoder', width: header.width, height: header.height, duration: ends, codec: header.type },
    last,
    ends,
    frames,
    [Symbol.dispose]: () => decoder.close(),
  };
}
