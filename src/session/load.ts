import { openMediaShelf } from '../format/media-shelf';
import { openOpfsCache } from '../format/opfs-cache';
import { blobFiles, urlFiles } from '../format/package-files';
import { browserGpu } from '../gpu/device';
import { decodeImage } from '../media/decode-browser';
import { mediaPixels } from '../media/pixels';
import type { LoadedModel, LoadOptions, ModelSource } from './load-types';
import { loadWith } from './load-with';

/** Loads a model in a page or worker, from an address or from files the user chose. Throws as loadWith does. */
export function loadModel(source: ModelSource, options: LoadOptions = {}): Promise<LoadedModel> {
  return loadWith(
    {
      cache: 'url' in source ? openOpfsCache() : undefined,
      files: 'url' in source ? urlFiles(source.url) : blobFiles(source.files),
      gpu: browserGpu(),
      shelf: openMediaShelf,
      rehearses: true,
      pixels: (frames, { image }, signal) => mediaPixels(frames, image, decodeImage, signal),
    },
    options,
  );
}
