import { folderFiles } from '../format/package-files-node';
import { dawnGpu } from '../gpu/dawn-node';
import { decodeImage } from '../media/decode-node';
import { mediaPixels } from '../media/pixels';
import type { LoadOptions } from './load-types';
import { type LoadedParts, loadWith } from './load-with';

/** Loads a package from a folder on disk; WebGPU is Dawn, on whatever device there is. Throws as loadWith does. */
export async function loadFolder(folder: string, options: LoadOptions = {}): Promise<LoadedParts> {
  const gpu = options.executor === 'wasm' ? undefined : await dawnGpu();
  return await loadWith(
    {
      files: folderFiles(folder),
      gpu,
      pixels: (frames, { image }, signal) => mediaPixels(frames, image, decodeImage, signal),
    },
    options,
  );
}
