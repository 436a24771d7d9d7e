import { throwIfAborted } from '../core/errors';
import type { Manifest } from '../format/manifest';
import type { Package } from '../format/package-reader';
import type { GraphFiles } from '../ort/executor';
import type { LoadOptions } from './load-types';
import { graphPaths } from './open-engine';

/** The files of a package on their way. Whoever waits for one gets it as soon as it is there and verified. */
export interface Arriving {
  tokenizer: Promise<string>;
  vision: Promise<GraphFiles>;
  resampler: Promise<GraphFiles>;
  decoder: Promise<GraphFiles>;
}

/** Asks for all files at once, with progress over their sum. Every promise rejects with the first error of its own files. */
export function readPackage(source: Package, { signal, onProgress }: LoadOptions): Arriving {
  const { manifest } = source;
  const totalBytes = packageBytes(manifest);
  const arrived = new Map<string, number>();
  const read = async (path: string) => {
    throwIfAborted(signal);
    const onBytes = (bytes: number) => {
      arrived.set(path, bytes);
      const loadedBytes = [...arrived.values()].reduce((sum, count) => sum + count, 0);
      onProgress?.({ phase: 'weights', loadedBytes, totalBytes });
    };
    return await source.read(path, { signal, onBytes });
  };
  const graph = async (name: 'vision' | 'resampler' | 'decoder'): Promise<GraphFiles> => {
    const [, ...paths] = graphPaths(manifest, name);
    const [model, ...data] = await Promise.all([`${name}.onnx`, ...paths].map(read));
    return { model, data: paths.map((path, i) => ({ path, data: data[i] })) };
  };
  const files = {
    tokenizer: read('tokenizer.json').then((bytes) => new TextDecoder().decode(bytes)),
    vision: graph('vision'),
    resampler: graph('resampler'),
    decoder: graph('decoder'),
  };
  for (const promise of Object.values(files)) promise.catch(() => undefined); // who waits for it sees the error
  return files;
}

/** Bytes of all files that a model is loaded from: those of CLIP's text tower, and a mapper, come when they are asked for. */
export function packageBytes({ files }: Manifest): number {
  return files
    .filter(({ path }) => !/^(text\.onnx|clip-|mapper\.onnx)/.test(path))
    .reduce((sum, { size }) => sum + size, 0);
}
