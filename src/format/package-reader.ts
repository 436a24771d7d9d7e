import * as v from 'valibot';
import { FlamingoError } from '../core/errors';
import { type Manifest, manifest as manifestSchema, PACKAGE_FORMAT } from './manifest';
import type { PackageFiles } from './package-files';
import { type ChunkCache, iterate, type ReadOptions, readVerified } from './verified-read';

export type { ChunkCache, ReadOptions } from './verified-read';

/** A model.json larger than this is not one. */
const MAX_MANIFEST_BYTES = 16 * 1024 * 1024;

/** A model package: its manifest, and its files, of which no byte is handed on before its sha256 was checked. */
export interface Package {
  readonly manifest: Manifest;
  readonly label: string;
  /** The whole file. Throws `not-found`, `bad-file`, `aborted`. */
  read(path: string, options?: ReadOptions): Promise<Uint8Array<ArrayBuffer>>;
  /** Requests made so far. */
  requests(): number;
}

/** Reads model.json and refuses other formats and versions before anything else is loaded. Throws `not-found`, `bad-file`, `aborted`. */
export async function openPackage(
  files: PackageFiles,
  { signal, cache }: { signal?: AbortSignal; cache?: ChunkCache } = {},
): Promise<Package> {
  const manifest = parseManifest(files.label, await readManifest(files, signal));
  const listed = new Map(manifest.files.map((file) => [file.path, file]));
  return {
    manifest,
    label: files.label,
    requests: () => files.requests(),
    async read(path, options = {}) {
      const file = listed.get(path);
      if (!file) throw unlisted(files.label, path);
      return await readVerified(files, file, cache, options);
    },
  };
}

/** The manifest of a package. Throws `bad-file` naming the field, or both versions. */
export function parseManifest(label: string, text: string): Manifest {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new FlamingoError('bad-file', `${label}: model.json is not JSON (${(cause as Error).message}).`, {
      hint: 'Is this the folder of a converted model?',
      cause,
    });
  }
  const format = (json as { format?: unknown } | null)?.format;
  if (format !== PACKAGE_FORMAT) {
    const got = typeof format === 'string' ? `"${format.slice(0, 100)}"` : typeof format;
    throw new FlamingoError('bad-file', `${label} is of format ${got}; this version reads "${PACKAGE_FORMAT}".`, {
      hint: 'Convert the model again with this version, or use the version that made it.',
      details: { got, expected: PACKAGE_FORMAT },
    });
  }
  const result = v.safeParse(manifestSchema, json);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const field = v.getDotPath(issue) ?? 'root';
  throw new FlamingoError('bad-file', `${label}: model.json, ${field}: ${issue.message}.`, {
    hint: 'Convert the model again.',
    details: { field },
  });
}

async function readManifest(files: PackageFiles, signal: AbortSignal | undefined): Promise<string> {
  const parts: BlobPart[] = [];
  let size = 0;
  for await (const part of iterate(await files.open('model.json', 0, signal), `${files.label}: model.json`, signal)) {
    size += part.length;
    if (size > MAX_MANIFEST_BYTES) {
      throw new FlamingoError('bad-file', `${files.label}: model.json has over ${MAX_MANIFEST_BYTES} bytes.`, {
        hint: 'Is this the folder of a converted model?',
        details: { limit: MAX_MANIFEST_BYTES },
      });
    }
    parts.push(part as BlobPart);
  }
  return await new Blob(parts).text();
}

function unlisted(label: string, path: string): FlamingoError {
  return new FlamingoError('bad-file', `${label}: model.json does not list ${path}.`, {
    hint: 'The package is incomplete: convert the model again.',
    details: { path },
  });
}
