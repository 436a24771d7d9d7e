import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
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
      const info = await stat(full).catch(() => undefined);
      if (!info?.isFile()) throw missing(folder, path, info ? 'not a file' : 'no such file');
      return Readable.toWeb(createReadStream(full, { start })) as ReadableStream<Uint8Array>;
    },
  };
}
