import { FlamingoError } from '../core/errors';

/** Where the files of a package come from. Sizes and sums are checked by the reader, not here. */
export interface PackageFiles {
  readonly label: string;
  /**
   * A stream of the file's bytes from `start` on; `fresh` goes past caches between here and the file. Throws `not-found` for what cannot be reached (and for
   * a missing model.json), `bad-file` for another file that is missing, `aborted`.
   */
  open(path: string, start: number, signal?: AbortSignal, fresh?: boolean): Promise<ReadableStream<Uint8Array>>;
  /** Requests that left the machine (or went to its own server) so far. */
  requests(): number;
}

/** Files under an address. Ranges are asked for when a start is given; a server that ignores them is coped with. */
export function urlFiles(base: string, fetcher: typeof fetch = fetch): PackageFiles {
  const root = base.endsWith('/') ? base : `${base}/`;
  let requests = 0;
  return {
    label: root,
    requests: () => requests,
    async open(path, start, signal, fresh = false) {
      requests++;
      const headers: HeadersInit = start > 0 ? { Range: `bytes=${start}-` } : {};
      const cache = fresh ? 'reload' : path === 'model.json' ? 'no-cache' : 'default'; // an old manifest would refuse new files
      const response = await fetcher(root + path, { headers, signal, cache }).catch((cause) => {
        throw unreachable(root + path, signal, cause);
      });
      if (response.ok && response.body) {
        return start > 0 && response.status !== 206 ? response.body.pipeThrough(skip(start)) : response.body;
      }
      await response.body?.cancel();
      if (response.status === 404 || response.status === 410) throw missing(root, path, `status ${response.status}`);
      throw new FlamingoError('not-found', `${root + path}: the server answered with status ${response.status}.`, {
        hint: 'Try again later, or check the address of the model.',
        details: { path, status: response.status },
      });
    },
  };
}

/** Files the user picked or dropped, by name. */
export function blobFiles(files: ReadonlyMap<string, Blob>): PackageFiles {
  return {
    label: 'the chosen files',
    requests: () => 0,
    async open(path, start) {
      const blob = files.get(path);
      if (!blob) throw missing('the chosen files', path, `${files.size} files were chosen`);
      return blob.slice(start).stream();
    },
  };
}

/** A file that is not where the package says. Without model.json there is no package there at all. */
export function missing(place: string, path: string, reason: string): FlamingoError {
  const details = { path, place };
  if (path === 'model.json') {
    return new FlamingoError('not-found', `${place} holds no model.json (${reason}).`, {
      hint: 'Give the folder of a converted model.',
      details,
    });
  }
  return new FlamingoError('bad-file', `${path} is missing in ${place} (${reason}).`, {
    hint: 'The package is incomplete: copy or convert it again, all files together.',
    details,
  });
}

/** The error of a request or stream that broke off. */
export function unreachable(address: string, signal: AbortSignal | undefined, cause: unknown): FlamingoError {
  if (signal?.aborted) return new FlamingoError('aborted', `Loading ${address} was stopped.`, { cause });
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new FlamingoError('not-found', `${address} cannot be read: ${reason}.`, {
    hint: 'Check the connection and the address of the model, then try again.',
    details: { address },
    cause,
  });
}

/** Drops the first `count` bytes: for servers that answer a range with the whole file. */
function skip(count: number): TransformStream<Uint8Array, Uint8Array> {
  let left = count;
  return new TransformStream({
    transform(chunk, controller) {
      const rest = chunk.subarray(Math.min(left, chunk.length));
      left -= chunk.length - rest.length;
      if (rest.length > 0) controller.enqueue(rest);
    },
  });
}
