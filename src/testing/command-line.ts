import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import { main } from '../cli/main';
import { CHECKPOINTS } from './checkpoints/cases';
import { writeFlamingo } from './checkpoints/flamingo';
import { mkTemporaryFolder } from './temporary-folder';

/** The checkpoint that the command line is tried on. */
export const CLI_SPEC = CHECKPOINTS['LLaMA, one key head, untied head without rows for the added tokens'];

/** Runs the command line; what it prints is returned, not shown. */
export async function cli(...args: string[]) {
  const [out, err]: [string[], string[]] = [[], []];
  const log = vi.spyOn(console, 'log').mockImplementation((text) => void out.push(String(text)));
  const error = vi.spyOn(console, 'error').mockImplementation((text) => void err.push(String(text)));
  try {
    return { code: await main(args), stdout: out.join('\n'), stderr: err.join('\n') };
  } finally {
    log.mockRestore();
    error.mockRestore();
  }
}

/** A folder with `source`, a checkpoint, and `package`, which was converted from it to f32. */
export class CliFolder implements AsyncDisposable {
  private constructor(readonly root: string) {}

  static async create(): Promise<CliFolder> {
    const folder = new CliFolder(await mkTemporaryFolder());
    await writeFlamingo(folder.at('source'), CLI_SPEC);
    const args = ['--model', folder.at('source'), '--out', folder.at('package'), '--dtype', 'f32'];
    const { code, stderr } = await cli('convert', ...args);
    expect(code, stderr).toBe(0);
    return folder;
  }

  /** A path in the folder. */
  at(...names: string[]): string {
    return join(this.root, ...names);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.root, { recursive: true, force: true });
  }
}

/** Arguments, and what stderr must hold: the file, tensor or flag, and the next step. */
export type WrongCall = [name: string, args: () => string[], ...stderr: (string | RegExp)[]];

/** Runs a wrong call, and again with --json: exit code 2, an error with a next step, no stack, nothing left behind. */
export async function expectRefused(
  folder: Pick<CliFolder, 'root'>,
  args: string[],
  expected: (string | RegExp)[],
): Promise<void> {
  const before = (await readdir(folder.root)).sort();
  const { code, stdout, stderr } = await cli(...args);
  expect(code, stderr).toBe(2);
  expect(stdout).toBe('');
  for (const part of expected) expect(stderr).toMatch(part);
  expect(stderr).not.toMatch(/^\s+at /m); // no stack: it is not our defect
  expect((await readdir(folder.root)).sort(), 'nothing is left behind').toEqual(before);
  const json = await cli(...args.slice(0, 1), '--json', ...args.slice(1));
  expect(json.code).toBe(2);
  const { error } = JSON.parse(json.stderr.split('\n').at(-1) ?? '');
  expect(error).toMatchObject({ code: expect.stringMatching(/./), hint: expect.stringMatching(/./) });
  expect(stderr).toContain(error.message);
}
