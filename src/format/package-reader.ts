import * as v from 'valibot';
import { FlamingoError, throwIfAborted } from '../core/errors';
import { CHUNK_BYTES, type Manifest, manifest as manifestSchema, PACKAGE_FORMAT, type PackageFile } from './manifest';
import type { PackageFiles } from './package-files';

/** A model.json larger than this is not one. */
const MAX_MANIFEST_BYTES = 16 * 1024 * 1024;

/** Keeps verified pieces of files, by their sha256. */
export interface ChunkCache {
  get(sha256: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  put(sha256: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
}

export interface ReadOptions {
  signal?: AbortSignal;
  /** Bytes of this file that have arrived and were verified. */
  onBytes?: (bytes: number) => void;
}

/** A model package: its manifest, and its files, of which no byte is handed on before its sha256 was checked. */
export interface Package {
  readonly manifest: Manifest;
  readonly label: string;
  /** The whole file. Throws `not-found`, `bad-file`, `aborted`. */
  read(path: string, options?: ReadOptions): Promise<Uint8Array<ArrayBuffer>>;
  /** Requests made so far. */
  requests(): number;
}

/** Reads model.json and refuses other formats and versions before anything else is loaded. */
export async function openPackage(
  files: PackageFiles,
  { signal, cache }: { signal?: AbortSignal; cache?: ChunkCache } = {},
): Promise<Package> {
  const manifest = parseManifest(files.label, await readManifest(files, signal));
  const listed = new Map(manifest.files.map((file) => [file.path, file]));
  return {
    manifest,
    label: files.label,
    requests: () => files.requests(),
    async read(path, options = {}) {
      const file = listed.get(path);
      if (!file) throw unlisted(files.label, path);
      return await readVerified(files, file, cache, options);
    },
  };
}

/** The manifest of a package. Throws `bad-file` naming the field, or both versions. */
export function parseManifest(label: string, text: string): Manifest {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new FlamingoError('bad-file', `${label}: model.json is not JSON (${(cause as Error).message}).`, {
      hint: 'Is this the folder of a converted model?',
      cause,
    });
  }
  const format = (json as { format?: unknown } | null)?.format;
  if (format !== PACKAGE_FORMAT) {
    throw new FlamingoError(
      'bad-file',
      `${label} is of format ${JSON.stringify(format)}; this version reads "${PACKAGE_FORMAT}".`,
      {
        hint: 'Convert the model again with this version, or use the version that made it.',
        details: { got: format, expected: PACKAGE_FORMAT },
      },
    );
  }
  const result = v.safeParse(manifestSchema, json);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new FlamingoError('bad-file', `${label}: model.json, ${v.getDotPath(issue) ?? 'root'}: ${issue.message}.`, {
    hint: 'Convert the model again.',
    details: { field: v.getDotPath(issue) },
  });
}

async function readManifest(files: PackageFiles, signal: AbortSignal | undefined): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of iterate(await files.open('model.json', 0, signal))) {
    size += part.length;
    if (size > MAX_MANIFEST_BYTES) {
      throw new FlamingoError('bad-file', `${files.label}: model.json has over ${MAX_MANIFEST_BYTES} bytes.`);
    }
    parts.push(part);
  }
  return await new Blob(parts as BlobPart[]).text();
}

async function readVerified(
  files: PackageFiles,
  file: PackageFile,
  cache: ChunkCache | undefined,
  { signal, onBytes }: ReadOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const expected = Math.ceil(file.size / CHUNK_BYTES);
  if (file.chunks.length !== expected) {
    throw new FlamingoError(
      'bad-file',
      `${file.path}: ${file.size} bytes need ${expected} sums, model.json has ${file.chunks.length}.`,
    );
  }
  const bytes = new Uint8Array(file.size);
  let chunk = await restore(bytes, file, cache, onBytes);
  if (chunk === expected) return bytes;
  let at = chunk * CHUNK_BYTES;
  for await (const part of iterate(await files.open(file.path, at, signal))) {
    throwIfAborted(signal);
    if (at + part.length > file.size) throw wrongSize(file, `more than ${file.size}`);
    bytes.set(part, at);
    at += part.length;
    for (; chunk < expected && at >= chunkEnd(file, chunk); chunk++) {
      await verify(bytes, file, chunk, cache);
      onBytes?.(chunkEnd(file, chunk));
    }
  }
  if (at !== file.size) throw wrongSize(file, String(at));
  return bytes;
}

/** Fills the leading chunks from the cache; returns how many. */
async function restore(
  bytes: Uint8Array,
  file: PackageFile,
  cache: ChunkCache | undefined,
  onBytes?: (bytes: number) => void,
) {
  let chunk = 0;
  for (; cache && chunk < file.chunks.length; chunk++) {
    const known = await cache.get(file.chunks[chunk]);
    const length = chunkEnd(file, chunk) - chunk * CHUNK_BYTES;
    if (known?.byteLength !== length || (await sha256(known)) !== file.chunks[chunk]) break;
    bytes.set(known, chunk * CHUNK_BYTES);
    onBytes?.(chunkEnd(file, chunk));
  }
  return chunk;
}

async function verify(
  bytes: Uint8Array<ArrayBuffer>,
  file: PackageFile,
  chunk: number,
  cache: ChunkCache | undefined,
): Promise<void> {
  const piece = bytes.subarray(chunk * CHUNK_BYTES, chunkEnd(file, chunk));
  const got = await sha256(piece);
  if (got !== file.chunks[chunk]) {
    throw new FlamingoError(
      'bad-file',
      `${file.path}, piece ${chunk + 1} of ${file.chunks.length}: sha256 is ${got}, ${file.chunks[chunk]} is expected.`,
      {
        hint: 'The file was changed or damaged on its way: load it again.',
        details: { file: file.path, chunk, got, expected: file.chunks[chunk] },
      },
    );
  }
  await cache?.put(got, piece);
}

function chunkEnd(file: PackageFile, chunk: number): number {
  return Math.min((chunk + 1) * CHUNK_BYTES, file.size);
}

/** Lower-case hex. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

async function* iterate(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => undefined); // a broken or unfinished stream is closed; the first error counts
  }
}

function unlisted(label: string, path: string): FlamingoError {
  return new FlamingoError('bad-file', `${label}: model.json does not list ${path}.`, {
    hint: 'The package is incomplete: convert the model again.',
    details: { path },
  });
}

function wrongSize(file: PackageFile, got: string): FlamingoError {
  return new FlamingoError('bad-file', `${file.path} has ${got} bytes, ${file.size} are expected.`, {
    hint: 'The file is cut short or was replaced: load it again.',
    details: { file: file.path, got, expected: file.size },
  });
}
