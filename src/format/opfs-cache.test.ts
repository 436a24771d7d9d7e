import { describe, expect, it } from 'vitest';
import { clearOpfsCache, openOpfsCache } from './opfs-cache';

/** The part of the browser's private file system that the cache uses, in memory, with a quota. */
class MemoryFolder {
  readonly files = new Map<string, Uint8Array<ArrayBuffer>>();
  readonly folders = new Map<string, MemoryFolder>();
  locked = false;

  constructor(
    readonly quota: number,
    private readonly inWorker: boolean,
  ) {}

  async getDirectoryHandle(name: string): Promise<MemoryFolder> {
    const folder = this.folders.get(name) ?? new MemoryFolder(this.quota, this.inWorker);
    this.folders.set(name, folder);
    return folder;
  }

  async removeEntry(name: string): Promise<void> {
    if (!this.files.delete(name) && !this.folders.delete(name)) throw new DOMException(name, 'NotFoundError');
  }

  async getFileHandle(name: string, { create = false } = {}) {
    if (!this.files.has(name)) {
      if (!create) throw new DOMException(name, 'NotFoundError');
      this.files.set(name, new Uint8Array(0));
    }
    const store = (bytes: Uint8Array) => this.files.set(name, new Uint8Array(bytes));
    const room = (bytes: Uint8Array) =>
      this.quota - [...this.files.values()].reduce((sum, { length }) => sum + length, 0) >= bytes.length;
    const checkLock = () => {
      if (this.locked) throw new DOMException('locked', 'NoModificationAllowedError');
    };
    const inPage = {
      getFile: async () => new Blob([this.files.get(name)!]),
      createWritable: async () => ({
        write: async (bytes: Uint8Array) => {
          checkLock();
          if (!room(bytes)) throw new DOMException('full', 'QuotaExceededError');
          store(bytes);
        },
        close: async () => undefined,
      }),
    };
    const createSyncAccessHandle = async () => {
      checkLock();
      return {
        truncate: () => store(new Uint8Array(0)),
        write: (bytes: Uint8Array) => {
          const written = room(bytes) ? bytes : bytes.subarray(0, 1);
          store(written);
          return written.length;
        },
        close: () => undefined,
      };
    };
    return this.inWorker ? { ...inPage, createSyncAccessHandle } : inPage;
  }
}

const storageOf = (root: MemoryFolder) =>
  ({ getDirectory: async () => root }) as unknown as Pick<StorageManager, 'getDirectory'>;

describe.each([
  ['in a page', false],
  ['in a worker', true],
])('%s', (_, inWorker) => {
  it('gives back what was put, also to the next visit', async () => {
    const root = new MemoryFolder(100, inWorker);
    await (await openOpfsCache(storageOf(root)))!.put('aa', Uint8Array.of(1, 2, 3));
    const again = (await openOpfsCache(storageOf(root)))!;
    expect(await again.get('aa')).toEqual(Uint8Array.of(1, 2, 3));
    expect(await again.get('bb')).toBeUndefined();
    await clearOpfsCache(storageOf(root));
    expect(root.folders.size).toBe(0);
    await clearOpfsCache(storageOf(root));
  });

  it('keeps what fits into the quota, and goes on without', async () => {
    const root = new MemoryFolder(10, inWorker);
    const cache = (await openOpfsCache(storageOf(root)))!;
    await cache.put('aa', new Uint8Array(8));
    await cache.put('bb', new Uint8Array(8));
    await cache.put('cc', new Uint8Array(1));
    const [folder] = root.folders.values();
    expect([...folder.files.keys()]).toEqual(['aa']);
    expect(await cache.get('aa')).toHaveLength(8);
  });

  it('leaves a piece to the tab that is writing it', async () => {
    const root = new MemoryFolder(100, inWorker);
    const cache = (await openOpfsCache(storageOf(root)))!;
    const [folder] = root.folders.values();
    folder.locked = true;
    await cache.put('aa', Uint8Array.of(1));
    folder.locked = false;
    await cache.put('bb', Uint8Array.of(2));
    expect(await cache.get('bb')).toEqual(Uint8Array.of(2));
  });
});

describe('without a file system', () => {
  it('there is no cache', async () => {
    expect(await openOpfsCache(undefined)).toBeUndefined();
    const refusing = { getDirectory: () => Promise.reject(new DOMException('private window', 'SecurityError')) };
    expect(await openOpfsCache(refusing)).toBeUndefined();
    await clearOpfsCache(undefined);
  });
});
