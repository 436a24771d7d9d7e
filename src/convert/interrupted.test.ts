import { existsSync, symlinkSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { CliFolder, cli } from '../testing/command-line';
import { TestHub } from '../testing/hub';

let folder: CliFolder;
const at = (...names: string[]) => folder.at(...names);
const PARTIAL = '.new.partial';
beforeAll(async () => {
  folder = await CliFolder.create();
}, 60_000);
afterAll(() => folder[Symbol.asyncDispose]());
beforeEach(() => rm(at('new'), { recursive: true, force: true }));

/** Runs `act` as soon as a path exists; it does so long before a conversion is done. */
async function whenThere(path: string, act: () => void): Promise<void> {
  while (!existsSync(path)) await new Promise(setImmediate);
  act();
}

const convertNew = () => cli('convert', '--model', at('source'), '--out', at('new'), '--dtype', 'f32');
const leftovers = async () => (await readdir(folder.root)).filter((name) => /new/.test(name));
/** A file that says that the disk is full, whatever is written to it. */
const full = (path: string) => symlinkSync('/dev/full', path);

describe.runIf(existsSync('/dev/full'))('a disk that is full', () => {
  test.each(['vision.onnx', 'decoder.onnx.data-00001', 'model.json'])('at %s: the package is removed', async (name) => {
    const filled = whenThere(at(PARTIAL), () => full(at(PARTIAL, name)));
    const { code, stderr } = await convertNew();
    await filled;
    expect(code, stderr).toBe(1);
    expect(stderr).toMatch(`${join('new', name)} cannot be written: the disk is full.`);
    expect(stderr).toMatch(/What was written of .*new was removed/);
    expect(stderr).toContain('Make room');
    expect(await leftovers()).toEqual([]);
  });

  test('while a hub is read: what came is kept, and said to be', async () => {
    await using hub = await TestHub.start();
    hub.offer('some/flamingo', at('source'));
    vi.stubEnv('HF_ENDPOINT', hub.endpoint);
    vi.stubEnv('FLAMINGO_CACHE', at('cache'));
    try {
      await mkdir(at('cache'));
      full(at('cache', 'blobs'));
      const { code, stderr } = await cli('convert', '--model', 'hf:some/flamingo', '--out', at('new'));
      expect(code, stderr).toBe(1);
      expect(stderr).toMatch(/cache.* cannot be written/);
      expect(stderr).toMatch(/is kept in .*cache and the next run goes on there/);
    } finally {
      vi.unstubAllEnvs();
    }
  });
});

describe('a signal', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s ends a conversion with code %i, and nothing of the package stays', async (signal, expected) => {
    const before = process.listenerCount(signal);
    const sent = whenThere(at(PARTIAL), () => process.kill(process.pid, signal));
    const { code, stderr } = await convertNew();
    await sent;
    expect(code, stderr).toBe(expected);
    expect(stderr).toMatch(`Stopped by ${signal}`);
    expect(stderr).toMatch(/What was written of .*new was removed/);
    expect(await leftovers()).toEqual([]);
    expect(process.listenerCount(signal)).toBe(before);
  });
});
