/** Where the origin's private file system comes from: `navigator.storage`, or a test's. */
export type OpfsStorage = Pick<StorageManager, 'getDirectory'> | undefined;

/** A file of a folder: its size, and when it was written, in ms. */
export interface OpfsEntry {
  name: string;
  size: number;
  written: number;
}

/** A folder of the origin's private file system; created when it is not there. Undefined where there is no such file system (Node, some private windows). */
export async function openOpfsFolder(name: string, storage: OpfsStorage): Promise<OpfsFolder | undefined> {
  try {
    const root = await storage?.getDirectory?.();
    const folder = await root?.getDirectoryHandle(name, { create: true });
    return folder && new OpfsFolder(folder);
  } catch {
    return undefined;
  }
}

/** Files of bytes by name. Reading and writing never throw: what cannot be read is not there, what cannot be written is not kept. */
export class OpfsFolder {
  /** After a failed write (the quota is used up, mostly) nothing more is kept in this session. */
  private writable = true;
  private writing: Promise<void> = Promise.resolve();

  constructor(private readonly folder: FileSystemDirectoryHandle) {}

  async get(name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    try {
      const file = await (await this.folder.getFileHandle(name)).getFile();
      return new Uint8Array(await file.arrayBuffer());
    } catch {
      return undefined;
    }
  }

  /** One file after the other: a quota is better met by one write that fails than by many. */
  put(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    this.writing = this.writing.then(() => this.store(name, bytes));
    return this.writing;
  }

  /** Throws what the file system throws, as when another tab writes the file. */
  async remove(name: string): Promise<void> {
    await this.folder.removeEntry(name);
  }

  /** All files, in no order. Throws what the file system throws. */
  async entries(): Promise<OpfsEntry[]> {
    const entries: OpfsEntry[] = [];
    for await (const handle of this.folder.values()) {
      if (handle.kind !== 'file') continue;
      const { size, lastModified } = await (handle as FileSystemFileHandle).getFile();
      entries.push({ name: handle.name, size, written: lastModified });
    }
    return entries;
  }

  private async store(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    if (!this.writable) return;
    try {
      await write(await this.folder.getFileHandle(name, { create: true }), bytes);
    } catch (error) {
      if ((error as DOMException).name === 'NoModificationAllowedError') return; // another tab writes the same file
      this.writable = false;
      await this.folder.removeEntry(name).catch(() => undefined);
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
