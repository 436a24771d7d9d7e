import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import * as v from 'valibot';
import { FlamingoError } from '../core/errors';

/** What every request has: a name of its own, the key of its results. */
export const requestId = v.pipe(v.string(), v.regex(/^[\w.-]+$/));

/**
 * Reads a file of requests, `{"requests": [..]}`, each as `request` describes it. `shape` says the same to the user. Paths in it are relative to the file. Throws
 * `not-found` or `invalid-option` naming the request and the field.
 */
export async function readRequestsFile<T extends { id: string }>(
  path: string,
  request: v.GenericSchema<unknown, T>,
  shape: string,
): Promise<{ requests: T[]; resolve: (image: string) => string }> {
  const text = await readFile(path, 'utf8').catch(() => {
    throw new FlamingoError('not-found', `${path} does not exist.`, {
      hint: `Give the requests file, {"requests": [..]}. A request is ${shape}.`,
    });
  });
  const result = v.safeParse(v.object({ requests: v.array(request) }), parse(path, text));
  if (!result.success) {
    const [issue] = result.issues;
    throw new FlamingoError('invalid-option', `${path}: ${v.getDotPath(issue) ?? 'root'}: ${issue.message}.`, {
      hint: `A request is ${shape}.`,
      details: { path, field: v.getDotPath(issue) },
    });
  }
  const { requests } = result.output;
  const twice = requests.find(({ id }, i) => requests.findIndex((other) => other.id === id) !== i);
  if (twice)
    throw new FlamingoError('invalid-option', `${path}: the id ${twice.id} is there twice.`, {
      hint: 'Give every request its own id.',
    });
  return { requests, resolve: (image) => resolve(dirname(path), image) };
}

/** The bytes of a picture that a request names. Throws `not-found`. */
export async function readPicture(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await readFile(path).catch(() => {
    throw new FlamingoError('not-found', `The picture ${path} does not exist.`, {
      hint: 'Paths are relative to the requests file.',
      details: { path },
    });
  });
  return new Uint8Array(bytes);
}

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new FlamingoError('invalid-option', `${path} is not JSON: ${(cause as Error).message}`, {
      hint: 'Correct the file.',
    });
  }
}
