import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { safetensors, writeJson } from '../testing/checkpoints/files';
import { writeFlamingo } from '../testing/checkpoints/flamingo';
import { CLI_SPEC, CliFolder, cli } from '../testing/command-line';
import { COMMANDS } from './commands';

let folder: CliFolder;
const at = (...names: string[]) => folder.at(...names);
beforeAll(async () => {
  folder = await CliFolder.create();
}, 60_000);
afterAll(() => folder[Symbol.asyncDispose]());

/** sha256 of every file of a folder. */
async function sums(path: string): Promise<Record<string, string>> {
  const entries: [string, string][] = [];
  for (const name of (await readdir(path)).sort())
    entries.push([
      name,
      createHash('sha256')
        .update(await readFile(join(path, name)))
        .digest('hex'),
    ]);
  return Object.fromEntries(entries);
}

describe('help', () => {
  test.each(COMMANDS.map(({ name }) => name))('%s --help tells its usage and every option', async (name) => {
    const command = COMMANDS.find((candidate) => candidate.name === name)!;
    const { code, stdout, stderr } = await cli(name, '--help');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(`Usage: flamingo-web ${name}`);
    for (const option of [...Object.keys(command.options), 'json', 'help']) expect(stdout).toContain(`--${option}`);
  });

  test('--help lists every command; nothing at all does so too, as an error', async () => {
    const all = await cli('--help');
    expect(all.code).toBe(0);
    for (const { name, summary } of COMMANDS) expect(all.stdout).toMatch(new RegExp(`${name} +${summary}`));
    expect(await cli()).toEqual({ ...all, code: 2 });
  });

  test('--version is the version of the package', async () => {
    const { version } = JSON.parse(await readFile('package.json', 'utf8'));
    expect(await cli('--version')).toEqual({ code: 0, stdout: version, stderr: '' });
  });
});

describe('convert', () => {
  test('--json gives the plan, with every tensor that is not used; --dry-run writes nothing', async () => {
    const before = await readdir(folder.root);
    const { code, stdout } = await cli('convert', '--model', at('source'), '--dry-run', '--json');
    expect(code).toBe(0);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ dtype: 'q4', files: [], config: { width: CLI_SPEC.language.width } });
    expect(report.unused).toContainEqual({ name: 'visual.proj', reason: expect.stringMatching(/features/) });
    expect(report.notes).toEqual([expect.stringContaining('rows of the 2 added tokens are lost')]);
    expect(await readdir(folder.root)).toEqual(before);
  });

  test('prints the error of every quantised matrix, and each file with its size', async () => {
    const { code, stdout } = await cli('convert', '--model', at('source'), '--out', at('q4'), '--dtype', 'q4');
    expect(code).toBe(0);
    for (const name of ['embed.weight', 'head.weight', 'gated.0.to_kv.weight', 'resampler.layers.0.to_q.weight'])
      expect(stdout).toMatch(new RegExp(`^${name} +0\\.\\d{5} +[01]\\.\\d{3}$`, 'm'));
    for (const name of await readdir(at('q4'))) if (name !== 'model.json') expect(stdout).toContain(`${name}  `);
  });

  test('the same bytes in give the same bytes out', async () => {
    for (const out of ['first', 'second'])
      expect((await cli('convert', '--model', at('source'), '--out', at(out), '--dtype', 'q8')).code).toBe(0);
    expect(await sums(at('second'))).toEqual(await sums(at('first')));
  });

  test('--force replaces a package, and not before the new one is complete', async () => {
    const old = await sums(at('package'));
    const { language } = await writeFlamingo(at('damaged'), CLI_SPEC);
    const tensors = new Map(language.tensors);
    const norm = tensors.get('model.norm.weight')!; // written after most other tensors
    tensors.set('model.norm.weight', { ...norm, values: norm.values.map(() => Number.NaN) });
    await writeFile(at('damaged', 'lm', 'model.safetensors'), safetensors(tensors));
    const failed = await cli('convert', '--model', at('damaged'), '--out', at('package'), '--force');
    expect(failed).toMatchObject({ code: 2, stderr: expect.stringContaining('NaN') });
    expect(await sums(at('package'))).toEqual(old);
    const args = ['convert', '--model', at('source'), '--out', at('package'), '--dtype', 'f16', '--force'];
    expect((await cli(...args)).code).toBe(0);
    expect(JSON.parse(await readFile(at('package', 'model.json'), 'utf8')).dtype).toBe('f16');
    expect((await readdir(folder.root)).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  test('parts named one by one give the same package as their folder', async () => {
    const parts = [
      '--vision',
      at('source/clip'),
      '--language',
      at('source/lm'),
      '--flamingo',
      at('source/checkpoint.pt'),
    ];
    const tokenizer = ['--tokenizer', at('source/tokenizer.json')];
    const out = ['--dtype', 'f32', '--name', 'a', '--out'];
    expect((await cli('convert', ...parts, ...tokenizer, ...out, at('by parts'))).code).toBe(0);
    expect((await cli('convert', '--model', at('source'), ...out, at('by folder'))).code).toBe(0);
    const { 'model.json': _, ...files } = await sums(at('by parts'));
    expect(await sums(at('by folder'))).toMatchObject(files);
    expect(Object.keys(files).length).toBeGreaterThan(6);
  });

  test.runIf(process.platform === 'linux')('closes every file, also when it fails', async () => {
    const open = async () => (await readdir('/proc/self/fd')).length;
    await cli('convert', '--model', at('source'), '--out', at('warm'));
    const before = await open();
    for (const args of [
      ['convert', '--model', at('source'), '--out', at('closed')],
      ['convert', '--model', at('source'), '--out', at('closed')],
      ['convert', '--model', at('damaged'), '--out', at('closed'), '--force'],
      [
        'convert',
        '--vision',
        at('source/lm'),
        '--language',
        at('source/lm'),
        '--flamingo',
        at('source/checkpoint.pt'),
        '--dry-run',
      ],
      [
        'convert',
        '--vision',
        at('source/clip'),
        '--language',
        at('source/clip'),
        '--flamingo',
        at('source/checkpoint.pt'),
        '--dry-run',
      ],
      ['inspect', at('source/lm')],
      ['inspect', at('package')],
    ])
      await cli(...args);
    expect(await open()).toBeLessThanOrEqual(before);
  });
});

describe('inspect', () => {
  test('a package: its parts and every tensor', async () => {
    const { code, stdout } = await cli('inspect', at('package'));
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /decoder +4 blocks of width 48, 3 heads of 16 \(1 for keys\), rotary positions, context 64, vocabulary 97/,
    );
    expect(stdout).toMatch(/^blocks\.3\.ff\.down\.weight +f\d+ +\[48, 65\] +decoder$/m);
    const json = JSON.parse((await cli('inspect', at('package'), '--json')).stdout);
    expect(json.manifest.config.decoder.layers).toBe(4);
  });

  test('a checkpoint: its tensors by their own names', async () => {
    const { code, stdout } = await cli('inspect', at('source/lm'));
    expect(code).toBe(0);
    expect(stdout).toMatch(/^model\.layers\.0\.self_attn\.k_proj\.weight +f32 +\[16, 48\] +.*pytorch_model\.bin$/m);
  });
});

describe('run', () => {
  test('ends texts at the chunk-end token as upstream does, or at every end of an answer', {
    timeout: 60_000,
  }, async () => {
    const out = ['--out', at('results'), '--executor', 'wasm', '--json'];
    const run = async (generate: object, beams?: object) => {
      const request = { id: 'a', prompt: 'abc', generate: { max_new_tokens: 4, ...generate }, beams };
      await writeJson(at('ends.json'), { requests: [request] });
      const { code, stdout, stderr } = await cli('run', at('package'), at('ends.json'), ...out);
      expect(code, stderr).toBe(0);
      return JSON.parse(stdout).a;
    };
    const { greedy_ids } = await run({});
    expect(greedy_ids.length).toBe(4);
    const manifest = JSON.parse(await readFile(at('package/model.json'), 'utf8'));
    const stopIds = [...manifest.prompt.stopIds, greedy_ids[0]];
    await writeJson(at('package/model.json'), { ...manifest, prompt: { ...manifest.prompt, stopIds } });
    expect((await run({})).greedy_ids).toEqual(greedy_ids);
    const beams = { num_beams: 1, max_new_tokens: 4, ends: 'answer' };
    expect(await run({ ends: 'answer' }, beams)).toMatchObject({
      greedy_ids: greedy_ids.slice(0, 1),
      beam1_ids: greedy_ids.slice(0, 1),
    });
    await writeJson(at('package/model.json'), manifest);
  });

  test('takes penalties for draws and beams', { timeout: 60_000 }, async () => {
    const sizes = { max_new_tokens: 12 };
    const request = (id: string, more: object) => ({
      ...{ id, prompt: 'abcabcab', generate: { ...sizes, ...more }, beams: { num_beams: 3, ...sizes, ...more } },
    });
    const requests = [
      request('free', {}),
      request('once', { no_repeat_ngram_size: 1 }),
      request('rare', { repetition_penalty: 1e6 }),
    ];
    await writeJson(at('penalties.json'), { requests });
    const args = [at('package'), at('penalties.json'), '--out', at('results'), '--executor', 'wasm', '--json'];
    const { code, stdout, stderr } = await cli('run', ...args);
    expect(code, stderr).toBe(0);
    const results = JSON.parse(stdout);
    const repeats = (ids: number[]) => ids.length - new Set(ids).size;
    expect(repeats(results.free.greedy_ids)).toBeGreaterThan(0); // a small model repeats itself
    for (const id of ['once', 'rare']) expect(repeats(results[id].greedy_ids), id).toBe(0);
    expect(repeats(results.once.beam3_ids)).toBe(0);
  });
});
