import { createReadStream } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { missing, type PackageFiles } from './package-files';

/** A package in a folder on disk. */
export function folderFiles(folder: string): PackageFiles {
  return {
    label: folder,
    requests: () => 0,
    async open(path, start) {
      const full = join(folder, path);
      await access(full).catch(() => {
        throw missing(full, 'no such file');
      });
      return Readable.toWeb(createReadStream(full, { start })) as ReadableStream<Uint8Array>;
    },
  };
}
