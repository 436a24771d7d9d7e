import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { FlamingoError, isFlamingoError, throwIfAborted } from '../core/errors';
import { diskError } from '../format/disk-error';
import { CHUNK_BYTES, type PackageFile } from '../format/manifest';
import type { FileSink } from './graphs/write-graph';

interface OpenFile {
  handle: FileHandle;
  hash: ReturnType<typeof createHash>;
  size: number;
  chunks: string[];
}

/** Writes a package into a folder beside its place, hashing as it goes; the folder gets its name when everything is there. Until then an older package stays. */
export class PackageWriter implements FileSink {
  private readonly files = new Map<string, OpenFile>();

  private constructor(
    private readonly out: string,
    private readonly partial: string,
    private readonly signal: AbortSignal | undefined,
  ) {}

  /** Throws `invalid-option` when `out` may not be written, and `storage` when it cannot be. */
  static async create(out: string, force: boolean, signal?: AbortSignal): Promise<PackageWriter> {
    await refuseExisting(out, force);
    const place = resolve(out);
    const partial = join(dirname(place), `.${basename(place)}.partial`);
    try {
      await rm(partial, { recursive: true, force: true });
      await mkdir(partial, { recursive: true });
    } catch (cause) {
      throw diskError(partial, cause);
    }
    return new PackageWriter(place, partial, signal);
  }

  /** Appends to a file. Throws `storage` when the disk does not take it, and `aborted` between two pieces. */
  async write(path: string, bytes: Uint8Array): Promise<void> {
    throwIfAborted(this.signal);
    const file = this.files.get(path) ?? (await this.open(path));
    for (let at = 0; at < bytes.byteLength; ) {
      const room = CHUNK_BYTES - (file.size % CHUNK_BYTES);
      const piece = bytes.subarray(at, at + room);
      file.hash.update(piece);
      file.size += piece.byteLength;
      at += piece.byteLength;
      if (file.size % CHUNK_BYTES === 0) this.endChunk(file);
    }
    await file.handle.writeFile(bytes).catch((cause) => {
      throw diskError(join(this.out, path), cause);
    });
  }

  /** Files written so far with sizes and sums, by name: what model.json lists. */
  listed(): PackageFile[] {
    return [...this.files]
      .map(([path, file]) => {
        if (file.size % CHUNK_BYTES !== 0) this.endChunk(file);
        return { path, size: file.size, chunks: file.chunks };
      })
      .sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** Writes model.json, which lists the others and not itself, and gives the folder its name. */
  async finish(manifest: string): Promise<void> {
    await this.write('model.json', new TextEncoder().encode(manifest));
    await this.close();
    const old = `${this.partial}.old`;
    await rm(old, { recursive: true, force: true });
    await rename(this.out, old).catch(() => undefined); // there was none
    await rename(this.partial, this.out);
    await rm(old, { recursive: true, force: true });
  }

  /** Removes what was written. Gives the error that led to it, which says so where the caller may wonder. */
  async abandon(error: unknown): Promise<unknown> {
    await this.close();
    await rm(this.partial, { recursive: true, force: true });
    if (!isFlamingoError(error) || !['storage', 'aborted'].includes(error.code)) return error;
    const { code, message, hint, details, cause } = error;
    const removed = `What was written of ${this.out} was removed.`;
    return new FlamingoError(code, `${message} ${removed}`, {
      hint,
      details: { ...details, removed: this.out },
      cause,
    });
  }

  private async open(path: string): Promise<OpenFile> {
    const handle = await open(join(this.partial, path), 'w').catch((cause) => {
      throw diskError(join(this.out, path), cause);
    });
    const file = { handle, hash: createHash('sha256'), size: 0, chunks: [] };
    this.files.set(path, file);
    return file;
  }

  private endChunk(file: OpenFile): void {
    file.chunks.push(file.hash.digest('hex'));
    file.hash = createHash('sha256');
  }

  private async close(): Promise<void> {
    for (const { handle } of this.files.values()) await handle.close().catch(() => undefined);
  }
}

/**
 * Throws `invalid-option` when `out` exists: without `force` always, with it when the folder is no package. A mistyped folder must not be lost.
 */
export async function refuseExisting(out: string, force: boolean): Promise<void> {
  const info = await stat(out).catch(() => undefined);
  if (!info) return;
  const files = info.isDirectory() ? await readdir(out) : undefined;
  if (force && files && (files.length === 0 || files.includes('model.json'))) return;
  const what = !force ? 'exists already' : files ? 'is not a package (it has no model.json)' : 'is a file';
  throw new FlamingoError('invalid-option', `--out: ${out} ${what}; nothing was written.`, {
    hint: force ? 'Give another folder.' : 'Give another folder, or --force to replace it.',
    details: { out, force },
  });
}
