import { type OpfsStorage, openOpfsFolder } from './opfs-folder';
import type { ChunkCache } from './verified-read';

const FOLDER = 'flamingo-web-chunks';

/**
 * Keeps verified pieces in the origin's private file system, one file per piece, named by its sha256: what a broken download got is not fetched again, and a
 * model that was loaded once loads without the network. Undefined where there is no such file system (Node, some private windows).
 * What it returns is not trusted: the reader checks every piece again.
 */
export async function openOpfsCache(
  storage: OpfsStorage = globalThis.navigator?.storage,
): Promise<ChunkCache | undefined> {
  return await openOpfsFolder(FOLDER, storage);
}

/** Removes every piece that was kept, of all models. */
export async function clearOpfsCache(storage: OpfsStorage = globalThis.navigator?.storage): Promise<void> {
  const root = await storage?.getDirectory?.();
  await root?.removeEntry(FOLDER, { recursive: true }).catch(() => undefined); // there was none
}
