import * as v from 'valibot';
import { FlamingoError } from '../../core/errors';
import { type HubAddress, showHubAddress } from './address';
import type { HubClient } from './client';

/** A file as the hub lists it. */
export interface HubFile {
  path: string;
  size: number;
  /** Of the content, for files in large file storage; else the content is known by its git object. */
  sum: { kind: 'sha256' | 'git'; hex: string };
}

/** A repository at one commit, so that all files are of the same version. */
export interface HubRepository {
  client: HubClient;
  address: HubAddress;
  commit: string;
  files: ReadonlyMap<string, HubFile>;
}

const PAGES = 1000;
const info = v.object({ sha: v.pipe(v.string(), v.regex(/^[0-9a-f]{40}$/)) });
const whole = v.pipe(v.number(), v.integer(), v.minValue(0));
/** No part of a path may lead out of the folder it is written to. */
const safePath = v.pipe(v.string(), v.regex(/^(?!.*(^|\/)\.{0,2}(\/|$))[^\\\0:]+$/, 'is no path within a repository'));
const listing = v.array(
  v.variant('type', [
    v.object({
      type: v.literal('file'),
      path: safePath,
      size: whole,
      oid: v.pipe(v.string(), v.regex(/^[0-9a-f]{40}$/)),
      lfs: v.nullish(v.object({ oid: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)), size: whole })),
    }),
    v.object({ type: v.picklist(['directory', 'unknown']), path: v.string() }),
  ]),
);

/** Asks for the commit of a revision and for the files of that commit. Throws `not-found`, and `bad-file` for answers of another form. */
export async function openRepository(client: HubClient, address: HubAddress): Promise<HubRepository> {
  const what = showHubAddress({ ...address, path: '' });
  const api = `api/models/${address.repository}`;
  const { value } = await client.json(`${api}/revision/${encodeURIComponent(address.revision)}`, what);
  const { sha: commit } = parse(what, info, value);
  const files = new Map<string, HubFile>();
  let page: string | undefined = `${api}/tree/${commit}?recursive=true`;
  for (let pages = 0; page !== undefined; pages++) {
    if (pages === PAGES) throw malformed(what, `its list of files has more than ${PAGES} pages`);
    const { value: list, next }: { value: unknown; next: string | undefined } = await client.json(page, what);
    for (const entry of parse(what, listing, list)) {
      if (entry.type !== 'file') continue;
      const { path, size, oid, lfs } = entry;
      if (lfs && lfs.size !== size)
        throw malformed(what, `${path} has ${size} bytes in one place and ${lfs.size} in another`);
      files.set(path, { path, size, sum: lfs ? { kind: 'sha256', hex: lfs.oid } : { kind: 'git', hex: oid } });
    }
    page = next;
  }
  return { client, address, commit, files };
}

/** Where the content of a file is, relative to the endpoint. */
export function contentPath({ address, commit }: HubRepository, path: string): string {
  return `${address.repository}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`;
}

function parse<S extends v.GenericSchema>(what: string, schema: S, value: unknown): v.InferOutput<S> {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw malformed(what, `${v.getDotPath(issue) ?? 'root'}: ${issue.message}`);
}

function malformed(what: string, why: string): FlamingoError {
  return new FlamingoError('bad-file', `${what}: the hub’s answer is not understood: ${why}.`, {
    hint: 'Check HF_ENDPOINT; it has to speak the API of huggingface.co.',
    details: { address: what },
  });
}
