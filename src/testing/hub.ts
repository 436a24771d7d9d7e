import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

/** Everything that can be wrong with a hub. */
export interface Mischief {
  /** Cut the connection after so many bytes of content. */
  cutAfter?: number;
  /** Answer ranges with the whole file. */
  ignoreRanges?: boolean;
  /** Listed sizes and content, changed. */
  size?: (path: string, size: number) => number;
  content?: (path: string, bytes: Buffer, request: number) => Buffer;
  /** Only who has this token may read. */
  token?: string;
  /** Answer so many requests for content with this status first. */
  fail?: { status: number; times: number };
  /** Where large files are redirected to; default the second host of this hub. */
  redirect?: string;
  /** `X-Repo-Commit` of content; default the right one. */
  commit?: string;
  /** Paths that are listed beside the real ones. */
  listed?: string[];
}

export interface HubRequest {
  host: 'hub' | 'content';
  url: string;
  authorization: string | undefined;
  range: string | undefined;
}

const LFS_BYTES = 1000;

/**
 * A model hub with the API of huggingface.co, on the loopback: repositories are folders on disk, files of at least 1000 bytes are in large file storage and
 * are served by a second host.
 */
export class TestHub implements AsyncDisposable {
  readonly requests: HubRequest[] = [];
  mischief: Mischief = {};
  private readonly folders = new Map<string, string>();
  private readonly hub = createServer((request, response) => this.answer('hub', request, response));
  private readonly content = createServer((request, response) => this.answer('content', request, response));

  static async start(): Promise<TestHub> {
    const hub = new TestHub();
    for (const server of [hub.hub, hub.content]) await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return hub;
  }

  get endpoint(): string {
    return addressOf(this.hub);
  }

  get contentHost(): string {
    return addressOf(this.content);
  }

  /** Offers a folder as a repository with the branch `main` and the tag `v1`. */
  offer(repository: string, folder: string): void {
    this.folders.set(repository, folder);
  }

  commitOf(repository: string): string {
    return createHash('sha1').update(repository).digest('hex');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of [this.hub, this.content]) {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    }
  }

  private answer(host: HubRequest['host'], request: IncomingMessage, response: ServerResponse): void {
    const { authorization, range } = request.headers;
    this.requests.push({ host, url: request.url ?? '', authorization, range });
    const url = new URL(request.url ?? '/', this.endpoint);
    const api = /^\/api\/models\/([^/]+\/[^/]+)\/(revision|tree)\/(.+)$/.exec(url.pathname);
    const file = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(url.pathname);
    const [, repository = '', what = '', rest = ''] = api ?? file ?? [];
    const folder = this.folders.get(repository);
    const { token } = this.mischief;
    if (host === 'hub' && token !== undefined && authorization !== `Bearer ${token}`) {
      refuse(response, authorization ? 403 : 401, 'GatedRepo');
    } else if (folder === undefined) refuse(response, 401, 'RepoNotFound');
    else if (what === 'revision') this.revision(repository, decodeURIComponent(rest), response);
    else if (what === 'tree') this.tree(folder, url, response);
    else this.file(host, repository, join(folder, decodeURIComponent(rest)), request, response);
  }

  private revision(repository: string, revision: string, response: ServerResponse): void {
    const sha = this.commitOf(repository);
    if (!['main', 'v1', sha].includes(revision)) refuse(response, 404, 'RevisionNotFound');
    else json(response, { id: repository, sha });
  }

  /** Two pages, so that nobody forgets the second. */
  private tree(folder: string, url: URL, response: ServerResponse): void {
    const all = filesOf(folder).map((path) => this.entry(folder, path));
    const more = (this.mischief.listed ?? []).map((path) => ({ ...all[0], path }));
    const entries = [{ type: 'directory', path: 'folder', oid: '0'.repeat(40), size: 0 }, ...all, ...more];
    const half = Math.ceil(entries.length / 2);
    if (url.searchParams.has('cursor')) json(response, entries.slice(half));
    else {
      response.setHeader('link', `<${this.endpoint}${url.pathname}?recursive=true&cursor=2>; rel="next"`);
      json(response, entries.slice(0, half));
    }
  }

  private entry(folder: string, path: string) {
    const bytes = readFileSync(join(folder, path));
    const size = this.mischief.size?.(path, bytes.length) ?? bytes.length;
    const oid = createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
    const lfs = { oid: createHash('sha256').update(bytes).digest('hex'), size, pointerSize: 130 };
    return { type: 'file', path, size, oid, ...(bytes.length >= LFS_BYTES && { lfs }) };
  }

  private file(
    host: HubRequest['host'],
    repository: string,
    path: string,
    { headers, url = '' }: IncomingMessage,
    response: ServerResponse,
  ): void {
    const { fail, redirect, commit, ignoreRanges, cutAfter } = this.mischief;
    const original = readFileSync(path);
    if (host === 'hub') response.setHeader('x-repo-commit', commit ?? this.commitOf(repository));
    if (host === 'hub' && original.length >= LFS_BYTES) {
      response.setHeader('x-linked-etag', `"${createHash('sha256').update(original).digest('hex')}"`);
      response.writeHead(302, { location: `${redirect ?? this.contentHost}${url}?signature=secret` }).end();
      return;
    }
    if (fail && fail.times-- > 0) {
      refuse(response, fail.status, '');
      return;
    }
    const bytes = this.mischief.content?.(path, original, this.requests.length) ?? original;
    const start = ignoreRanges ? 0 : Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
    const part = bytes.subarray(start);
    if (headers.range && !ignoreRanges) {
      response.setHeader('content-range', `bytes ${start}-${bytes.length - 1}/${bytes.length}`);
    }
    response.writeHead(headers.range && !ignoreRanges ? 206 : 200, { 'content-length': part.length });
    if (cutAfter === undefined || part.length <= cutAfter) response.end(part);
    else response.write(part.subarray(0, cutAfter), () => response.destroy());
  }
}

function filesOf(folder: string): string[] {
  const paths = readdirSync(folder, { recursive: true }).map(String);
  return paths.filter((path) => statSync(join(folder, path)).isFile()).map((path) => path.replaceAll('\\', '/'));
}

function json(response: ServerResponse, value: unknown): void {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(value));
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, code ? { 'x-error-code': code } : {}).end('{"error": "no"}');
}

function addressOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
