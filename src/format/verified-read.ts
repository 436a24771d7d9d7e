import { FlamingoError, isFlamingoError, throwIfAborted } from '../core/errors';
import { CHUNK_BYTES, type PackageFile } from './manifest';
import { type PackageFiles, unreachable } from './package-files';

/** Keeps verified pieces of files, by their sha256. Never throws: a cache that fails is a cache that knows nothing. */
export interface ChunkCache {
  get(sha256: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  put(sha256: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
}

export interface ReadOptions {
  signal?: AbortSignal;
  /** Bytes of this file that have arrived, and how many it has. */
  onBytes?: (loaded: number, total: number) => void;
}

/**
 * A file of a package, of which every piece was checked by its sha256. Pieces come from the cache as far as it reaches, the rest from the source. Bytes that do not
 * fit are asked for once more, past all caches: an old copy on the way is more likely than damage. Throws `bad-file`, `not-found`, `aborted`.
 */
export async function readVerified(
  files: PackageFiles,
  file: PackageFile,
  cache: ChunkCache | undefined,
  options: ReadOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  throwIfAborted(options.signal);
  const target = new Target(file, allocate(file), cache, options);
  await target.restore();
  try {
    await target.fill(files, false);
  } catch (error) {
    if (!isFlamingoError(error) || error.details.expected === undefined) throw error;
    target.chunk = 0;
    await target.fill(files, true);
  }
  return target.bytes;
}

/** The file in memory, filled piece by piece. */
class Target {
  /** Pieces that are verified, from the start. */
  chunk = 0;

  constructor(
    readonly file: PackageFile,
    readonly bytes: Uint8Array<ArrayBuffer>,
    private readonly cache: ChunkCache | undefined,
    private readonly options: ReadOptions,
  ) {}

  /** Takes the leading pieces from the cache. */
  async restore(): Promise<void> {
    const { file, cache, options } = this;
    for (; cache && this.chunk < file.chunks.length; this.chunk++) {
      const known = await cache.get(file.chunks[this.chunk]);
      throwIfAborted(options.signal);
      if (known?.byteLength !== this.end() - this.start() || (await sha256(known)) !== file.chunks[this.chunk]) return;
      this.bytes.set(known, this.start());
      options.onBytes?.(this.end(), file.size);
    }
  }

  /** Reads from the first piece that is not verified to the end of the file. */
  async fill(files: PackageFiles, fresh: boolean): Promise<void> {
    const { file, bytes, options } = this;
    if (this.chunk === file.chunks.length) return await this.fillEmpty(files);
    let at = this.start();
    const stream = await files.open(file.path, at, options.signal, fresh);
    for await (const part of iterate(stream, `${files.label}: ${file.path}`, options.signal)) {
      throwIfAborted(options.signal);
      if (at + part.length > file.size) throw this.wrongSize(`more than ${file.size}`);
      bytes.set(part, at);
      at += part.length;
      while (this.chunk < file.chunks.length && at >= this.end()) await this.verify();
      options.onBytes?.(at, file.size);
    }
    if (at !== file.size) throw this.wrongSize(String(at));
  }

  /** Nothing is left to read; a file of no bytes must still be there. */
  private async fillEmpty(files: PackageFiles): Promise<void> {
    if (this.file.size > 0) return;
    const { signal } = this.options;
    for await (const part of iterate(await files.open(this.file.path, 0, signal), this.file.path, signal)) {
      if (part.length > 0) throw this.wrongSize(`${part.length} or more`);
    }
  }

  private async verify(): Promise<void> {
    const { file, chunk } = this;
    const piece = this.bytes.subarray(this.start(), this.end());
    const [got, expected] = [await sha256(piece), file.chunks[chunk]];
    if (got !== expected) {
      throw new FlamingoError(
        'bad-file',
        `${file.path}, piece ${chunk + 1} of ${file.chunks.length}: sha256 is ${got}, ${expected} is expected.`,
        {
          hint: 'The file was changed or damaged on its way: load it again.',
          details: { file: file.path, chunk, got, expected },
        },
      );
    }
    void this.cache?.put(got, piece); // a disk is not waited for; what is not written when the page goes is fetched again
    this.chunk++;
  }

  private start(): number {
    return this.chunk * CHUNK_BYTES;
  }

  private end(): number {
    return Math.min((this.chunk + 1) * CHUNK_BYTES, this.file.size);
  }

  private wrongSize(got: string): FlamingoError {
    const { path, size } = this.file;
    return new FlamingoError('bad-file', `${path} has ${got} bytes, ${size} are expected.`, {
      hint: 'The file is cut short or was replaced: load it again.',
      details: { file: path, chunk: this.chunk, got, expected: size },
    });
  }
}

function allocate({ path, size }: PackageFile): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(size);
  } catch (cause) {
    throw new FlamingoError('device', `${path} has ${size} bytes, which this machine cannot hold in one piece.`, {
      hint: 'Close other tabs, or use a smaller model.',
      details: { file: path, size },
      cause,
    });
  }
}

/** Lower-case hex. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  if (!crypto.subtle) {
    throw new FlamingoError('unsupported', 'This page may not compute checksums, so the model cannot be verified.', {
      hint: 'Serve the page from https or from localhost.',
    });
  }
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Parts of a stream. What breaks on the way becomes `aborted` or `not-found`. */
export async function* iterate(
  stream: ReadableStream<Uint8Array>,
  address: string,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((cause) => {
        throw unreachable(address, signal, cause);
      });
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => undefined); // a broken or unfinished stream is closed; the first error counts
  }
}
