import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { convert } from '../convert/convert';
import type { FlamingoConfig } from '../format/config';
import { CHECKPOINTS } from './checkpoints/cases';
import { withChangedJson } from './checkpoints/changed-json';
import { writeFlamingo } from './checkpoints/flamingo';
import { mkTemporaryFolder } from './temporary-folder';

/** How the name of a made-up checkpoint begins, a JSON file of it, and fields that say something else. */
type Changed = [family: string, file: string, change: Record<string, unknown>];

/** What the error names: fields and values. */
export type Refused = [...Changed, ...named: string[]];

/** A part of the config, and what it must be. */
export type Read = [...Changed, get: (config: FlamingoConfig) => unknown, expected: unknown];

/** Plans conversions of checkpoints one file of which is changed: what must be refused, and what must be read. Gives such a plan for further tests. */
export function describeChangedConfigs(refused: readonly Refused[], read: readonly Read[]) {
  let root: string;
  beforeAll(async () => {
    root = await mkTemporaryFolder();
    for (const family of new Set([...refused, ...read].map(([name]) => name))) {
      const [, spec] = Object.entries(CHECKPOINTS).find(([name]) => name.startsWith(family))!;
      await writeFlamingo(join(root, family), spec);
    }
  }, 60_000);
  afterAll(() => rm(root, { recursive: true, force: true }));

  const planWith = (...[family, file, change]: Changed) => {
    const model = join(root, family);
    return withChangedJson(join(model, file), change, () => convert({ model, out: '', dtype: 'q4', dryRun: true }));
  };

  describe('what this version does not do is refused, naming file, field and value', () => {
    test.each(refused)('%s, %s: %o', async (family, file, change, ...named) => {
      const error = await planWith(family, file, change).then(
        () => undefined,
        (reason) => reason,
      );
      expect(error?.message).toContain(join(root, family));
      for (const part of named) expect(`${error.message} ${error.hint}`).toContain(part);
      expect(error.hint).not.toBe('');
      expect(error.code).toMatch(/^(unsupported|bad-file|shape-mismatch|not-found)$/);
    });
  });

  test.each(read)('%s, %s: %o', async (family, file, change, get, expected) => {
    const { config } = await planWith(family, file, change);
    expect(get(config)).toEqual(expected);
  });

  return planWith;
}
