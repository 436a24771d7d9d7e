import type { Input, InputVideoTrack, VideoSample } from 'mediabunny';
import { throwIfAborted } from '../../core/errors';
import { type ClipFrame, nameOf, type OpenedClip, snapshot, unreadable } from './opened';

/** Why WebCodecs cannot read a file; another way may. */
export class Undecodable {
  constructor(
    readonly found: string,
    readonly details: object,
  ) {}
}

/**
 * An MP4, MOV, WebM or Matroska file, demuxed by mediabunny and decoded by WebCodecs: exact frames, and of a long video only those needed (from the key
 * frame before each). Reads the file in pieces. Throws `media-unreadable` for a broken file; gives Undecodable for a container or codec it does not know.
 */
export async function openDemuxed(source: Blob): Promise<OpenedClip | Undecodable> {
  const library = await import('mediabunny');
  const { MP4, QTFF, WEBM, MATROSKA, BlobSource, EncodedPacketSink, VideoSampleSink } = library;
  const input = new library.Input({ source: new BlobSource(source), formats: [MP4, QTFF, WEBM, MATROSKA] });
  const fails = (found: string, details: object) => {
    input.dispose();
    return new Undecodable(found, details);
  };
  try {
    if (!(await input.canRead())) return fails('is no MP4, MOV, WebM or Matroska file', {});
    const track = await videoTrack(input, nameOf(source));
    const last = await new EncodedPacketSink(track).getPacket(Number.POSITIVE_INFINITY, { metadataOnly: true });
    if (!last) throw unreadable(nameOf(source), 'has 0 video frames', 'Record or download it again.', { frames: 0 });
    const codec = (await track.getCodecParameterString()) ?? internalName(await track.getInternalCodecId());
    const [width, height] = [await track.getDisplayWidth(), await track.getDisplayHeight()];
    if (!(await track.canDecode())) {
      return fails(`has ${codec ?? 'unknown'} video of ${width} x ${height}`, { codec, width, height });
    }
    const begin = await track.getFirstTimestamp();
    const ends = last.timestamp + last.duration - begin;
    const sink = new VideoSampleSink(track);
    return {
      facts: { way: 'webcodecs', width, height, duration: ends, codec },
      last: last.timestamp - begin,
      ends,
      frames: (times, size, signal) =>
        frames(sink.samplesAtTimestamps(times.map((t) => begin + t)), begin, size, signal),
      [Symbol.dispose]: () => input.dispose(),
    };
  } catch (error) {
    input.dispose();
    throw error;
  }
}

async function videoTrack(input: Input, name: string): Promise<InputVideoTrack> {
  const track = await input.getPrimaryVideoTrack();
  if (track) return track;
  const sound = (await input.getAudioTracks()).length;
  throw unreadable(name, `has no video (${sound} audio tracks)`, 'Choose a file with moving pictures.', { sound });
}

async function* frames(
  samples: AsyncGenerator<VideoSample | null>,
  begin: number,
  size: { width: number; height: number },
  signal: AbortSignal | undefined,
): AsyncGenerator<ClipFrame> {
  for await (using sample of samples) {
    throwIfAborted(signal);
    if (!sample) continue; // before the first frame
    const image = snapshot(size, (context) => sample.draw(context, 0, 0, size.width, size.height));
    yield { image, time: sample.timestamp - begin };
  }
}

/** A codec that the library has no name for, as the container calls it: `mp4v`. */
function internalName(id: string | number | Uint8Array | null): string | undefined {
  return typeof id === 'string' ? id : undefined;
}
