import { FlamingoError } from '../core/errors';

/** Where the files of a package come from. Sizes and sums are checked by the reader, not here. */
export interface PackageFiles {
  readonly label: string;
  /** A stream of the file's bytes from `start` on. Throws `not-found`. */
  open(path: string, start: number, signal?: AbortSignal): Promise<ReadableStream<Uint8Array>>;
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
    async open(path, start, signal) {
      requests++;
      const headers: HeadersInit = start > 0 ? { Range: `bytes=${start}-` } : {};
      const address = root + path;
      const response = await fetcher(address, { headers, signal }).catch((cause) => {
        if (signal?.aborted) throw new FlamingoError('aborted', `Loading ${path} was stopped.`, { cause });
        throw new FlamingoError(
          'not-found',
          `${address} cannot be reached: ${cause instanceof Error ? cause.message : cause}.`,
          {
            hint: 'Check the connection and the address of the model, then try again.',
            cause,
          },
        );
      });
      if (!response.ok || !response.body) throw missing(address, `status ${response.status}`);
      return start > 0 && response.status !== 206 ? response.body.pipeThrough(skip(start)) : response.body;
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
      if (!blob) throw missing(path, `not among the ${files.size} chosen files`);
      return blob.slice(start).stream();
    },
  };
}

export function missing(path: string, reason: string): FlamingoError {
  return new FlamingoError('not-found', `${path} is missing (${reason}).`, {
    hint: 'The package is incomplete: copy or convert it again, all files together.',
    details: { path },
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
