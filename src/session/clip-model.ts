import type { Manifest } from '../format/manifest';
import { openPackage } from '../format/package-reader';
import { VisionEncoder } from '../vision/encoder';
import { Cleanup } from './cleanup';
import { ClipSpace } from './clip-space';
import { clipOf, embedImage } from './embed';
import type { Platform } from './load-with';
import { graphPaths } from './open-engine';
import type { MediaSource } from './types';

/** The dual encoder of a package by itself: pictures and texts as vectors of length 1 in one space. */
export interface ClipModel extends AsyncDisposable {
  readonly manifest: Manifest;
  /** What cosines are multiplied with before a softmax. */
  readonly logitScale: number;
  /** Throws `media-unreadable`. */
  embedImage(source: MediaSource): Promise<Float32Array>;
  embedText(text: string): Promise<Float32Array>;
}

/**
 * Loads CLIP alone: of a Flamingo of gigabytes, only the vision encoder is read, and the text tower with the first text. Throws `unsupported` for a package without
 * the tower, `not-found`, `bad-file`.
 */
export async function loadClip({ files, pixels }: Pick<Platform, 'files' | 'pixels'>): Promise<ClipModel> {
  const source = await openPackage(files);
  const { manifest } = source;
  const { logitScale } = clipOf(manifest);
  const paths = graphPaths(manifest, 'vision');
  const [graph, ...data] = await Promise.all(paths.map(async (path) => ({ path, data: await source.read(path) })));
  const cleanup = new Cleanup();
  const vision = cleanup.use(await VisionEncoder.load(graph.data, data, manifest.config));
  const texts = new ClipSpace(source, cleanup);
  const decode = (frames: readonly MediaSource[], signal?: AbortSignal) => pixels(frames, manifest, signal);
  return {
    manifest,
    logitScale,
    embedImage: (image) => embedImage({ pixels: decode, vision }, manifest, image, { by: 'clip' }),
    embedText: (text) => texts.embedText(text),
    [Symbol.asyncDispose]: () => cleanup.run(),
  };
}
