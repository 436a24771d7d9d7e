import { folderFiles } from '../format/package-files-node';
import { dawnGpu } from '../gpu/dawn-node';
import { decodeImage } from '../media/decode-node';
import { mediaPixels } from '../media/pixels';
import { type ClipModel, loadClip } from './clip-model';
import type { LoadOptions } from './load-types';
import { type LoadedParts, loadWith, type Platform } from './load-with';

/** Loads a package from a folder on disk; WebGPU is Dawn, on whatever device there is. Throws as loadWith does. */
export async function loadFolder(folder: string, options: LoadOptions = {}): Promise<LoadedParts> {
  const gpu = options.executor === 'wasm' ? undefined : await dawnGpu();
  return await loadWith({ ...onDisk(folder), gpu }, options);
}

/** CLIP of a package in a folder on disk. Throws as loadClip does. */
export async function loadClipFolder(folder: string): Promise<ClipModel> {
  return await loadClip(onDisk(folder));
}

function onDisk(folder: string): Pick<Platform, 'files' | 'pixels'> {
  return {
    files: folderFiles(folder),
    pixels: (frames, { image }, signal) => mediaPixels(frames, image, decodeImage, signal),
  };
}
