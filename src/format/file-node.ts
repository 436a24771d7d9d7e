import { open } from 'node:fs/promises';
import { FlamingoError } from '../core/errors';
import { checkRange, type RandomAccess } from './random-access';

/** Opens a file on disk for positional reads. Throws `not-found` when it cannot be opened. */
export async function openFile(path: string): Promise<RandomAccess> {
  const handle = await open(path, 'r').catch((cause) => {
    throw new FlamingoError('not-found', `${path} cannot be opened: ${cause.code ?? cause.message}`, {
      hint: 'Check the path and its permissions.',
      details: { path },
      cause,
    });
  });
  const { size } = await handle.stat();
  return {
    name: path,
    size,
    async read(offset, length) {
      checkRange(path, offset, length, size);
      const bytes = new Uint8Array(length);
      for (let done = 0; done < length; ) {
        const { bytesRead } = await handle.read(bytes, done, length - done, offset + done);
        if (bytesRead === 0) checkRange(path, offset + done, length - done, offset + done); // cut short while open
        done += bytesRead;
      }
      return bytes;
    },
    [Symbol.asyncDispose]: () => handle.close(),
  };
}
