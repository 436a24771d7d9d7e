import { copyFile, link, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { diskError } from '../disk-error';
import { download, sumOf } from './download-node';
import type { HubFile, HubRepository } from './repository';

/** Folders that a cache makes for itself; nothing else in its place is touched. */
const OWN = ['blobs', 'repositories'];

/** `FLAMINGO_CACHE`, or `flamingo-web` where this user's caches are. */
export function defaultCacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const { FLAMINGO_CACHE, XDG_CACHE_HOME, LOCALAPPDATA } = environment;
  return FLAMINGO_CACHE || join(XDG_CACHE_HOME || LOCALAPPDATA || join(homedir(), '.cache'), 'flamingo-web');
}

/**
 * Files of a hub on this disk. `blobs/<sum>` holds each content once (`<sum>.partial` while it comes), `repositories/<commit>/<owner>/<name>/` the same files
 * under their names, so that a repository looks like a folder somebody downloaded.
 */
export class HubCache {
  constructor(readonly folder: string) {}

  /** Folder of a repository at its commit, whether files are there or not. */
  place({ commit, address }: HubRepository): string {
    return join(this.folder, 'repositories', commit, address.repository);
  }

  /** Path of a file that is complete and checked; it is fetched if it is not here. Throws what `download` throws. */
  async file(repository: HubRepository, file: HubFile, onBytes?: (bytes: number) => void): Promise<string> {
    const blob = join(this.folder, 'blobs', file.sum.hex);
    const path = join(this.place(repository), file.path);
    try {
      await mkdir(dirname(blob), { recursive: true });
      await mkdir(dirname(path), { recursive: true });
    } catch (cause) {
      throw diskError(this.folder, cause);
    }
    if (!(await isSound(file, blob))) {
      await rm(blob, { force: true });
      await download(repository, file, `${blob}.partial`, onBytes);
      await rename(`${blob}.partial`, blob).catch(async (cause) => {
        if (!(await isSound(file, blob))) throw diskError(blob, cause); // another process was faster, else
      });
    }
    await rm(path, { force: true });
    await link(blob, path).catch(() =>
      copyFile(blob, path).catch((cause) => {
        throw diskError(path, cause); // a file system without links needs the room twice
      }),
    );
    return path;
  }

  /** Files and bytes kept. */
  async usage(): Promise<{ files: number; bytes: number }> {
    const folder = join(this.folder, 'blobs');
    const names = await readdir(folder).catch(() => []);
    const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
    return { files: names.length, bytes: sizes.reduce((a, b) => a + b, 0) };
  }

  /** Removes everything that was kept. */
  async clear(): Promise<void> {
    for (const name of OWN) await rm(join(this.folder, name), { recursive: true, force: true });
  }
}

/** True for a content that is there and still what it was: disks and people change files. */
async function isSound(file: HubFile, path: string): Promise<boolean> {
  const info = await stat(path).catch(() => undefined);
  return info?.size === file.size && (await sumOf(file, path)) === file.sum.hex;
}
