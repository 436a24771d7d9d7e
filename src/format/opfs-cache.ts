import type { ChunkCache } from './verified-read';

const FOLDER = 'flamingo-web-chunks';

/**
 * Keeps verified pieces in the origin's private file system, one file per piece, named by its sha256: what a broken download got is not fetched again, and a
 * model that was loaded once loads without the network. Undefined where there is no such file system (Node, some private windows).
 * What it returns is not trusted: the reader checks every piece again.
 */
export async function openOpfsCache(
  storage: Pick<StorageManager, 'getDirectory'> | undefined = globalThis.navigator?.storage,
): Promise<ChunkCache | undefined> {
  try {
    const root = await storage?.getDirectory?.();
    const folder = await root?.getDirectoryHandle(FOLDER, { create: true });
    return folder && new OpfsCache(folder);
  } catch {
    return undefined;
  }
}

/** Removes every piece that was kept, of all models. */
export async function clearOpfsCache(
  storage: Pick<StorageManager, 'getDirectory'> | undefined = globalThis.navigator?.storage,
): Promise<void> {
  const root = await storage?.getDirectory?.();
  await root?.removeEntry(FOLDER, { recursive: true }).catch(() => undefined); // there was none
}

class OpfsCache implements ChunkCache {
  /** After a failed write (the quota is used up, mostly) nothing more is kept in this session. */
  private writable = true;
  private writing: Promise<void> = Promise.resolve();

  constructor(private readonly folder: FileSystemDirectoryHandle) {}

  async get(sha256: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    try {
      const file = await (await this.folder.getFileHandle(sha256)).getFile();
      return new Uint8Array(await file.arrayBuffer());
    } catch {
      return undefined;
    }
  }

  /** One piece after the other: a quota is better met by one write that fails than by many. */
  put(sha256: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    this.writing = this.writing.then(() => this.store(sha256, bytes));
    return this.writing;
  }

  private async store(sha256: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    if (!this.writable) return;
    try {
      await write(await this.folder.getFileHandle(sha256, { create: true }), bytes);
    } catch (error) {
      if ((error as DOMException).name === 'NoModificationAllowedError') return; // another tab writes the same piece
      this.writable = false;
      await this.folder.removeEntry(sha256).catch(() => undefined);
    }
  }
}

/**
 * Workers write in place, which every browser can; pages through a stream. Not flushed: that waits for the disk (up to a second, measured), and what a power cut leaves
 * half-written is found by its sha256.
 */
async function write(handle: FileSystemFileHandle, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  if (!('createSyncAccessHandle' in handle)) {
    const stream = await (handle as FileSystemFileHandle).createWritable();
    await stream.write(bytes);
    await stream.close();
    return;
  }
  const access = await (handle as SyncFileHandle).createSyncAccessHandle();
  try {
    access.truncate(0);
    const written = access.write(bytes, { at: 0 });
    if (written !== bytes.byteLength) throw new DOMException(`${written} bytes were written.`, 'QuotaExceededError');
  } finally {
    access.close();
  }
}

/** The part of the File System standard that exists in workers only, and so not in TypeScript's DOM types. */
interface SyncFileHandle {
  createSyncAccessHandle(): Promise<{
    truncate(size: number): void;
    write(bytes: Uint8Array, options: { at: number }): number;
    close(): void;
  }>;
}
