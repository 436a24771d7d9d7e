/** The part of the browser's private file system that the cache uses, in memory, with a quota. */
export class MemoryFolder {
  readonly files = new Map<string, Uint8Array<ArrayBuffer>>();
  /** A counter in the place of a clock, by file. */
  private readonly written = new Map<string, number>();
  readonly folders = new Map<string, MemoryFolder>();
  locked = false;
  private clock = 0;

  constructor(
    readonly quota: number,
    private readonly inWorker: boolean,
  ) {}

  async *values() {
    for (const name of this.files.keys()) yield { kind: 'file', name, ...(await this.getFileHandle(name)) };
  }

  async getDirectoryHandle(name: string): Promise<MemoryFolder> {
    const folder = this.folders.get(name) ?? new MemoryFolder(this.quota, this.inWorker);
    this.folders.set(name, folder);
    return folder;
  }

  async removeEntry(name: string): Promise<void> {
    if (this.locked) throw new DOMException('locked', 'NoModificationAllowedError');
    if (!this.files.delete(name) && !this.folders.delete(name)) throw new DOMException(name, 'NotFoundError');
  }

  async getFileHandle(name: string, { create = false } = {}) {
    if (!this.files.has(name)) {
      if (!create) throw new DOMException(name, 'NotFoundError');
      this.files.set(name, new Uint8Array(0));
    }
    const store = (bytes: Uint8Array) => {
      this.files.set(name, new Uint8Array(bytes));
      this.written.set(name, ++this.clock);
    };
    const room = (bytes: Uint8Array) =>
      this.quota - [...this.files.values()].reduce((sum, { length }) => sum + length, 0) >= bytes.length;
    const checkLock = () => {
      if (this.locked) throw new DOMException('locked', 'NoModificationAllowedError');
    };
    const inPage = {
      getFile: async () => new File([this.files.get(name)!], name, { lastModified: this.written.get(name) ?? 0 }),
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

/** `navigator.storage` over such a folder. */
export const storageOf = (root: MemoryFolder) =>
  ({ getDirectory: async () => root }) as unknown as Pick<StorageManager, 'getDirectory'>;
