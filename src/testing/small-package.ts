import { createHash } from 'node:crypto';
import { CHUNK_BYTES, type Manifest } from '../format/manifest';
import { blobFiles, type PackageFiles } from '../format/package-files';
import type { ChunkCache } from '../format/verified-read';
import { tinyConfig } from './tiny-model';

/** One file of two pieces, one small, one empty. */
export const CONTENT = new Map<string, Uint8Array<ArrayBuffer>>([
  ['decoder.onnx', Uint8Array.from({ length: CHUNK_BYTES + 1000 }, (_, i) => (i * 31 + (i >> 8)) & 255)],
  ['tokenizer.json', new TextEncoder().encode('{"a": 1}') as Uint8Array<ArrayBuffer>],
  ['empty.bin', new Uint8Array(0)],
]);

/** The sha256 of every piece. */
export const sums = (bytes: Uint8Array) =>
  Array.from({ length: Math.ceil(bytes.length / CHUNK_BYTES) }, (_, k) =>
    createHash('sha256')
      .update(bytes.subarray(k * CHUNK_BYTES, (k + 1) * CHUNK_BYTES))
      .digest('hex'),
  );

export function makeManifest(change: Partial<Manifest> = {}): Manifest {
  return {
    format: 'flamingo-web/1',
    name: 'tiny',
    config: tinyConfig(),
    image: {
      mode: 'square',
      size: 8,
      crop: 8,
      cropRounding: 'floor',
      resample: 'bicubic',
      mean: [0, 0, 0],
      std: [1, 1, 1],
    },
    prompt: {
      imageToken: '<image>',
      imageTokenId: 1,
      endOfChunkToken: '<|endofchunk|>',
      endOfChunkId: 2,
      stopIds: [],
      suppressIds: [1],
      question: '{text}',
      caption: '{text}',
      example: '{text}',
    },
    dtype: 'f32',
    onnx: { opset: 18, contrib: [] },
    license: 'MIT',
    base_models: [],
    files: [...CONTENT].map(([path, bytes]) => ({ path, size: bytes.length, chunks: sums(bytes) })),
    ...change,
  };
}
/** model.json. */
export const MANIFEST_TEXT = JSON.stringify(makeManifest());

/** The package as chosen files, some of them replaced (or, with undefined, left out). */
export function chosen(change: Record<string, Uint8Array<ArrayBuffer> | string | undefined> = {}): PackageFiles {
  const all = { ...Object.fromEntries(CONTENT), 'model.json': MANIFEST_TEXT, ...change };
  const present = Object.entries(all).flatMap(([name, part]) => (part === undefined ? [] : [[name, part] as const]));
  return blobFiles(new Map(present.map(([name, part]) => [name, new Blob([part])])));
}
/** A file with one bit turned. */
export const flipped = (path: string, at: number) => {
  const copy = CONTENT.get(path)!.slice();
  copy[at] ^= 1;
  return copy;
};
/** A cache, and what it holds by the sums of the pieces. */
export const memoryCache = () => {
  const pieces = new Map<string, Uint8Array<ArrayBuffer>>();
  const cache: ChunkCache = {
    get: async (sum) => pieces.get(sum),
    put: async (sum, bytes) => void pieces.set(sum, bytes.slice()),
  };
  return { pieces, cache };
};
