import { concatFloats } from '../core/concat';
import { FlamingoError, throwIfAborted } from '../core/errors';
import { checkClip } from '../format/clip-limit';
import { embeddingWidth } from '../format/config';
import type { Manifest, PrefixMapper } from '../format/manifest';
import type { Package } from '../format/package-reader';
import { VisualMapper } from '../vision/mapper';
import type { Cleanup } from './cleanup';
import type { ModelParts } from './parts';
import type { MediaSource } from './types';

/** Pictures as vectors in the text stream (Frozen, ClipCap), by the package's mapper, which is read when the first one is asked for. */
export class VisualPrefix {
  private mapper: Promise<VisualMapper> | undefined;

  constructor(
    private readonly source: Package,
    private readonly cleanup: Cleanup,
  ) {}

  /** Vectors [k, E] of a picture, or of every frame of a clip, [F * k, E]; E is the width of token embeddings. Throws `unsupported` for a package without a mapper, `media-unreadable`. */
  async vectors(
    { pixels: decode, vision }: Pick<ModelParts, 'pixels' | 'vision'>,
    source: MediaSource | readonly MediaSource[],
    signal?: AbortSignal,
  ): Promise<Float32Array> {
    const { manifest } = this.source;
    const { input } = prefixOf(manifest);
    const frames = Array.isArray(source) ? (source as readonly MediaSource[]) : [source as MediaSource];
    checkClip(manifest.config, frames.length);
    const pixels = await decode(frames, signal);
    throwIfAborted(signal);
    const encoded = await (input === 'features' ? vision.encode : vision.embed).call(
      vision,
      pixels.values,
      frames.length,
    );
    const size = encoded.length / frames.length;
    const { patches, width } = manifest.config.vision;
    const shape = input === 'features' ? [1, patches, width] : [1, size];
    const mapper = await this.opened();
    const mapped: Float32Array[] = [];
    for (let f = 0; f < frames.length; f++) {
      throwIfAborted(signal);
      mapped.push(await mapper.map(encoded.slice(f * size, (f + 1) * size), shape));
    }
    return concatFloats(mapped);
  }

  private opened(): Promise<VisualMapper> {
    this.mapper ??= this.open().catch((error) => {
      this.mapper = undefined; // a download that broke can be tried again
      throw error;
    });
    return this.mapper;
  }

  private async open(): Promise<VisualMapper> {
    const { manifest } = this.source;
    const model = await this.source.read('mapper.onnx');
    return this.cleanup.use(await VisualMapper.load(model, prefixOf(manifest), embeddingWidth(manifest.config)));
  }
}

/** What a package says of its mapper. Throws `unsupported` where it has none. */
export function prefixOf({ name, prefix }: Manifest): PrefixMapper {
  if (prefix) return prefix;
  throw new FlamingoError('unsupported', `The package ${name} has no mapper of visual prefixes.`, {
    hint: 'Convert the model again with --mapper mapper.onnx, an exported mapper of Frozen’s or ClipCap’s kind.',
  });
}
