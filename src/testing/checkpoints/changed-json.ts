import { rm } from 'node:fs/promises';
import { readJson } from '../../convert/sources';
import { writeJson } from './files';

/** Runs something while fields of a JSON file are others; then the file is as it was, or away where there was none. */
export async function withChangedJson<T>(
  path: string,
  change: Record<string, unknown>,
  act: () => Promise<T>,
): Promise<T> {
  const before = await readJson(path).catch(() => undefined);
  await writeJson(path, { ...before, ...change });
  try {
    return await act();
  } finally {
    if (before) await writeJson(path, before);
    else await rm(path);
  }
}
