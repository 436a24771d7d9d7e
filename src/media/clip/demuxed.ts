import {
  BlobSource,
  EncodedPacketSink,
  Input,
  type InputVideoTrack,
  MATROSKA,
  MP4,
  QTFF,
  VideoSampleSink,
  WEBM,
} from 'mediabunny';
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
  const input = new Input({ source: new BlobSource(source), formats: [MP4, QTFF, WEBM, MATROSKA] });
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
    return {
      facts: { way: 'webcodecs', width, height, duration: ends, codec },
      last: last.timestamp - begin,
      ends,
      frames: (times, size, signal) => frames(track, nameOf(source), times, size, signal),
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

/** A file whose end is missing has frames in its table that are not there: the decoder then gives nothing, or an earlier frame. Throws `media-unreadable` for it. */
async function* frames(
  track: InputVideoTrack,
  name: string,
  times: readonly number[],
  size: { width: number; height: number },
  signal: AbortSignal | undefined,
): AsyncGenerator<ClipFrame> {
  const packets = new EncodedPacketSink(track);
  const begin = await track.getFirstTimestamp();
  const absolute = times.map((time) => begin + time);
  let taken = 0;
  for await (using sample of new VideoSampleSink(track).samplesAtTimestamps(absolute)) {
    throwIfAborted(signal);
    const due = await packets.getPacket(absolute[taken], { metadataOnly: true });
    if (!sample || (due && due.timestamp > sample.timestamp + 0.001)) {
      const found = `gave ${taken} of ${times.length} frames: the one at ${times[taken].toFixed(2)} s cannot be decoded`;
      throw unreadable(name, found, 'The file is damaged or incomplete: copy or download it again.', { taken, times });
    }
    const image = snapshot(size, (context) => sample.draw(context, 0, 0, size.width, size.height));
    yield { image, time: sample.timestamp - begin };
    taken++;
  }
}

/** A codec that the library has no name for, as the container calls it: `mp4v`. */
function internalName(id: string | number | Uint8Array | null): string | undefined {
  return typeof id === 'string' ? id : undefined;
}
