import { FlamingoError } from '../core/errors';
import { type OpfsFolder, type OpfsStorage, openOpfsFolder } from './opfs-folder';

const FOLDER = 'flamingo-web-media';

/** Bytes of a sha256. */
const SUM_BYTES = 32;

/** Keeps what was made of pictures from visit to visit, by name. Never throws: a shelf that fails is a shelf that knows nothing. */
export interface MediaShelf {
  get(name: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  put(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
}

/**
 * A shelf in the origin's private file system, of at most `maxBytes`; the files that were written first leave first. A file is the sha256 of name and bytes, then the bytes: what is
 * cut short, changed or under another name is removed when it is read. Undefined where there is no such file system, or no checksum.
 */
export async function openMediaShelf(
  maxBytes: number,
  storage: OpfsStorage = globalThis.navigator?.storage,
): Promise<MediaShelf | undefined> {
  if (!globalThis.crypto?.subtle) return undefined;
  const folder = await openOpfsFolder(FOLDER, storage);
  return folder && new OpfsShelf(folder, maxBytes);
}

/** Removes everything that was kept of pictures, of all models. Throws `storage` when a file cannot be removed. */
export async function clearKeptMedia(storage: OpfsStorage = globalThis.navigator?.storage): Promise<void> {
  const folder = await openOpfsFolder(FOLDER, storage);
  try {
    for (const { name } of (await folder?.entries()) ?? []) await folder?.remove(name);
  } catch (cause) {
    throw new FlamingoError('storage', `What was kept of pictures could not be removed: ${(cause as Error).message}`, {
      hint: 'Close other tabs of this page and try again, or clear the data of this site in the browser’s settings.',
      cause,
    });
  }
}

class OpfsShelf implements MediaShelf {
  private turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly folder: OpfsFolder,
    private readonly maxBytes: number,
  ) {}

  async get(name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const file = await this.folder.get(name);
    if (!file) return undefined;
    const bytes = file.slice(SUM_BYTES);
    const sum = await sumOf(name, bytes);
    if (file.byteLength > SUM_BYTES && sum.every((byte, i) => byte === file[i])) return bytes;
    await this.folder.remove(name).catch(() => undefined); // another tab may be writing it
    return undefined;
  }

  /** One after the other, so that the room that one makes is its own. */
  put(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const done = this.turn.then(() => this.store(name, bytes)).catch(() => undefined);
    this.turn = done;
    return done;
  }

  private async store(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const file = new Uint8Array(SUM_BYTES + bytes.byteLength);
    if (file.byteLength > this.maxBytes) return;
    file.set(await sumOf(name, bytes));
    file.set(bytes, SUM_BYTES);
    await this.makeRoom(name, file.byteLength);
    await this.folder.put(name, file);
  }

  private async makeRoom(name: string, wanted: number): Promise<void> {
    const others = (await this.folder.entries()).filter((entry) => entry.name !== name);
    let used = others.reduce((sum, { size }) => sum + size, 0);
    for (const entry of others.sort((a, b) => a.written - b.written)) {
      if (used + wanted <= this.maxBytes) return;
      await this.folder.remove(entry.name);
      used -= entry.size;
    }
  }
}

async function sumOf(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const head = new TextEncoder().encode(name);
  const all = new Uint8Array(head.byteLength + bytes.byteLength);
  all.set(head);
  all.set(bytes, head.byteLength);
  return new Uint8Array(await crypto.subtle.digest('SHA-256', all));
}
