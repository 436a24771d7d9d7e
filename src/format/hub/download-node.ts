import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rm, stat, truncate } from 'node:fs/promises';
import { FlamingoError, isFlamingoError } from '../../core/errors';
import { diskError } from '../disk-error';
import { showHubAddress } from './address';
import { BrokenConnection, type HubResponse } from './client';
import { contentPath, type HubFile, type HubRepository } from './repository';

/**
 * Gets a file of a repository into `path`, going on where an earlier try stopped, and checks size and sum. `onBytes` tells how many bytes are there.
 * Throws `bad-file` for other sizes or contents than the hub lists (nothing of them stays), `not-found`, `storage`, `aborted`.
 */
export async function download(
  repository: HubRepository,
  file: HubFile,
  path: string,
  onBytes: (bytes: number) => void = () => undefined,
): Promise<void> {
  const what = showHubAddress({ ...repository.address, path: file.path });
  // A second time from the first byte: what an earlier run left may be of a damaged transfer.
  for (const last of [false, true]) {
    const had = await sizeOf(path);
    const sum = await fetchRest(repository, file, path, what, onBytes);
    if (sum === file.sum.hex) return;
    await rm(path, { force: true });
    if (last || had === 0) throw wrongSum(what, file, sum);
  }
}

/** The sum of a file on disk, in the way the hub states it for this file. */
export async function sumOf(file: HubFile, path: string): Promise<string> {
  const hash = newHash(file);
  for await (const piece of createReadStream(path)) hash.update(piece);
  return hash.digest('hex');
}

/** Appends what is missing, over as many connections as it takes. */
async function fetchRest(
  repository: HubRepository,
  file: HubFile,
  path: string,
  what: string,
  onBytes: (bytes: number) => void,
): Promise<string> {
  if ((await sizeOf(path)) > file.size) await truncate(path, 0);
  let done = await sizeOf(path);
  const hash = newHash(file);
  if (done > 0) for await (const piece of createReadStream(path)) hash.update(piece);
  const handle = await open(path, 'a').catch((cause) => {
    throw diskError(path, cause);
  });
  try {
    onBytes(done);
    const attempt = async () => {
      for await (const piece of pieces(repository, file, done, what)) {
        await append(handle, path, piece);
        hash.update(piece);
        done += piece.byteLength;
        onBytes(done);
      }
      if (done < file.size) throw new BrokenConnection(`the connection ended at byte ${done} of ${file.size}`);
    };
    if (done < file.size) await repository.client.persist(what, attempt, () => done);
  } catch (error) {
    if (isFlamingoError(error) && error.code === 'bad-file') await truncate(path, 0);
    throw error;
  } finally {
    await handle.close();
  }
  return hash.digest('hex');
}

/** Content from byte `start` on. A hub that ignores ranges sends all of it again; then the beginning is dropped. */
async function* pieces(repository: HubRepository, file: HubFile, start: number, what: string) {
  const headers: Record<string, string> = start > 0 ? { range: `bytes=${start}-` } : {};
  const response = await repository.client.get(contentPath(repository, file.path), what, headers);
  try {
    checkHeaders(response, repository, file, start, what);
    let at = response.content.status === 206 ? start : 0;
    for await (const piece of bodyOf(response)) {
      if (at + piece.byteLength > file.size) throw wrongSize(what, file, `sends more than ${file.size}`);
      const rest = piece.subarray(Math.min(Math.max(start - at, 0), piece.byteLength));
      at += piece.byteLength;
      if (rest.byteLength > 0) yield rest;
    }
  } finally {
    response.close();
  }
}

async function* bodyOf({ content, alive }: HubResponse): AsyncGenerator<Uint8Array> {
  const reader = content.body?.getReader();
  try {
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true };
      if (done || !value) return;
      alive();
      yield value;
    }
  } catch (error) {
    if (isFlamingoError(error)) throw error;
    const { code, message } = ((error as Error).cause ?? error) as { code?: string; message?: string };
    throw new BrokenConnection(code ?? message ?? String(error));
  }
}

/** What the answer says about itself has to be what the list of files says. Throws `bad-file`. */
function checkHeaders(
  { hub, content }: HubResponse,
  { commit }: HubRepository,
  file: HubFile,
  start: number,
  what: string,
) {
  const said = hub.headers.get('x-repo-commit') ?? commit;
  if (said !== commit) throw changed(what, 'commit', commit, said);
  const etag = hub.headers.get('x-linked-etag')?.replace(/^(?:W\/)?"|"$/g, '') ?? '';
  if (file.sum.kind === 'sha256' && /^[0-9a-f]{64}$/.test(etag) && etag !== file.sum.hex) {
    throw changed(what, 'sha256', file.sum.hex, etag);
  }
  const linked = hub.headers.get('x-linked-size');
  if (linked !== null && Number(linked) !== file.size) throw wrongSize(what, file, `says ${linked}`);
  const encoded = content.headers.has('content-encoding');
  const length = content.headers.get('content-length');
  if (content.status === 200) {
    if (length !== null && !encoded && Number(length) !== file.size) throw wrongSize(what, file, `sends ${length}`);
    return;
  }
  const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(content.headers.get('content-range') ?? '');
  if (!range || Number(range[1]) !== start) {
    throw new BrokenConnection(`bytes from ${start} on were asked for, ${range?.[0] ?? 'no range'} came`);
  }
  if (range[3] !== '*' && Number(range[3]) !== file.size) throw wrongSize(what, file, `says ${range[3]}`);
}

async function append(handle: FileHandle, path: string, piece: Uint8Array): Promise<void> {
  await handle.appendFile(piece).catch((cause) => {
    throw diskError(path, cause);
  });
}

async function sizeOf(path: string): Promise<number> {
  return await stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}

/** Git's name of a content is the SHA-1 of a header and the bytes. */
function newHash({ sum, size }: HubFile): Hash {
  return sum.kind === 'sha256' ? createHash('sha256') : createHash('sha1').update(`blob ${size}\0`);
}

function wrongSum(what: string, { sum }: HubFile, got: string): FlamingoError {
  const kind = sum.kind === 'git' ? 'git object' : 'sha256';
  return new FlamingoError('bad-file', `${what}: its ${kind} is ${got}, the hub lists ${sum.hex}.`, {
    hint: 'What came was thrown away. Try again; if it stays, the hub or a proxy in between is damaged.',
    details: { address: what, expected: sum.hex, got },
  });
}

function wrongSize(what: string, { size }: HubFile, got: string): FlamingoError {
  return new FlamingoError('bad-file', `${what} has ${size} bytes by the hub’s list, but the server ${got}.`, {
    hint: 'What came was thrown away. Try again; if it stays, the hub or a proxy in between is damaged.',
    details: { address: what, size, got },
  });
}

function changed(what: string, field: string, expected: string, got: string): FlamingoError {
  return new FlamingoError('bad-file', `${what} changed while it was read: ${field} ${got} instead of ${expected}.`, {
    hint: 'Start again; a commit as @revision keeps it from changing.',
    details: { address: what, field, expected, got },
  });
}
