import { FlamingoError, throwIfAborted } from '../core/errors';
import type { Manifest } from '../format/manifest';
import type { IndexSpace } from '../retrieval/vector-index';
import type { ModelParts } from './parts';
import type { EmbedOptions, MediaSource } from './types';

/** A picture or clip as a vector of length 1: the mean of the frozen encoder's features over patches and frames, or CLIP's embedding. */
export async function embedImage(
  { pixels: decode, vision }: Pick<ModelParts, 'pixels' | 'vision'>,
  manifest: Manifest,
  source: MediaSource | readonly MediaSource[],
  { by = 'features', signal }: EmbedOptions = {},
): Promise<Float32Array> {
  const frames = Array.isArray(source) ? (source as readonly MediaSource[]) : [source as MediaSource];
  if (frames.length === 0) throw new FlamingoError('invalid-option', 'A clip has 0 frames; it needs at least 1.');
  const width = by === 'clip' ? clipOf(manifest).embedding : manifest.config.vision.width;
  const pixels = await decode(frames, signal);
  throwIfAborted(signal);
  if (by === 'clip') return unitMean(await vision.embed(pixels.values, pixels.frames), width);
  const features = await vision.encode(pixels.values, pixels.frames, pixels.tiles?.arrangement);
  const { patches } = manifest.config.vision;
  const filled = pixels.tiles?.filled ?? pixels.frames; // padding says nothing of the picture
  return unitMean(features.subarray(0, filled * patches * width), width);
}

/** What an index of this model's vectors is made with. */
export async function indexSpace(manifest: Manifest, by: 'features' | 'clip' = 'features'): Promise<IndexSpace> {
  const files = manifest.files
    .filter(({ path }) => path.startsWith('vision.onnx'))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  const text = new TextEncoder().encode(files.flatMap(({ chunks }) => chunks).join());
  const sum = new Uint8Array(await crypto.subtle.digest('SHA-256', text));
  const encoder = Array.from(sum, (byte) => byte.toString(16).padStart(2, '0')).join('');
  const width = by === 'clip' ? clipOf(manifest).embedding : manifest.config.vision.width;
  return { by, width, encoder };
}

/** Mean of rows of `width`, scaled to length 1. */
function unitMean(rows: Float32Array, width: number): Float32Array {
  const sum = new Float32Array(width);
  for (let i = 0; i < rows.length; i++) sum[i % width] += rows[i];
  return unit(sum);
}

/** A vector scaled to length 1. */
export function unit(vector: Float32Array): Float32Array {
  const norm = Math.sqrt(vector.reduce((total, value) => total + value * value, 0));
  return vector.map((value) => value / norm);
}

/** What a package says of its text tower. Throws `unsupported` where it has none. */
export function clipOf({ name, clip }: Manifest): NonNullable<Manifest['clip']> {
  if (clip) return clip;
  throw new FlamingoError('unsupported', `The package ${name} has no text tower of CLIP.`, {
    hint: 'Convert the model again with a vision source that has one, or compare pictures by features.',
  });
}
