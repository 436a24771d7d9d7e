import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { convert } from '../convert/convert';
import { readIndex } from '../retrieval/index-file';
import { loadFolder } from '../session/load-node';
import { cli, expectRefused } from '../testing/command-line';
import { GOLDENS } from '../testing/parity';
import { writePrefixPackage } from '../testing/prefix-model';
import { mkTemporaryFolder } from '../testing/temporary-folder';

const folder = { root: '', at: (...names: string[]) => join(folder.root, ...names) };
beforeAll(async () => {
  folder.root = await mkTemporaryFolder();
  await convert({ model: `${GOLDENS}of-opt`, out: folder.at('package'), dtype: 'f32' });
  for (let i = 0; i < 4; i++) await copyFile(`${GOLDENS}of-opt/images/0${i}.png`, folder.at(`${i}.png`));
}, 60_000);
afterAll(async () => await rm(folder.root, { recursive: true, force: true }));

const question = (i: number, more: object = {}) => ({
  ...{ image: `${i % 4}.png`, question: `What is ${i}?`, answers: [`a${i}`, 'b'] },
  ...more,
});

async function taskFile(name: string, rows: readonly object[]): Promise<string> {
  const path = folder.at(name);
  await writeFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return path;
}

async function evaluate(...args: string[]) {
  const { code, stdout, stderr } = await cli('eval', folder.at('package'), ...args, '--executor', 'wasm', '--json');
  return { code, stderr, report: code === 0 ? JSON.parse(stdout) : undefined };
}

const resultLines = async (out: string) =>
  (await readFile(folder.at(out, 'results.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => JSON.parse(line));

test('answers are those of upstream’s prompt, and a second call only does what is new', async () => {
  const support = [0, 1, 2].map((i) => question(i, { split: 'train' }));
  const file = await taskFile('vqa.jsonl', [...support, question(3, { split: 'test' })]);
  const args = [file, '--beams', '1', '--out', folder.at('vqa')];
  const first = await evaluate(...args, '--shots', '0,2');
  expect(first.code, first.stderr).toBe(0);
  const [zero, two] = await resultLines('vqa');
  expect([zero.examples.length, two.examples.length]).toEqual([2, 2]);
  const text = (i: number, image: string) => `${image}Question:What is ${i}? Short answer:`;
  const prompt = (ids: string[], image: string) =>
    ids.map((id) => `${text(Number(id) - 1, image)}a${Number(id) - 1}<|endofchunk|>\n`).join('') + text(3, '<image>');
  const requests = [
    { id: 'zero', prompt: prompt(zero.examples, ''), images: ['3.png'], generate: { max_new_tokens: 5 } },
    {
      ...{ id: 'two', prompt: prompt(two.examples, '<image>'), generate: { max_new_tokens: 5 } },
      images: [...two.examples.map((id: string) => `${(Number(id) - 1) % 4}.png`), '3.png'],
    },
  ];
  await writeFile(folder.at('requests.json'), JSON.stringify({ requests }));
  const run = await cli(
    'run',
    folder.at('package'),
    folder.at('requests.json'),
    '--out',
    folder.at('run'),
    '--executor',
    'wasm',
    '--json',
  );
  const expected = JSON.parse(run.stdout);
  expect([zero.raw, two.raw]).toEqual([expected.zero.greedy_text, expected.two.greedy_text]);
  const again = await evaluate(...args, '--shots', '0,2,3');
  expect(again.stderr.match(/shots, line/g)).toHaveLength(1);
  expect(again.report.curve.map(({ shots }: { shots: number }) => shots)).toEqual([0, 2, 3]);
  expect(await readFile(folder.at('vqa', 'curve.svg'), 'utf8')).toContain('3 shots');
  const other = await evaluate(...args, '--seed', '1', '--shots', '0');
  expect(other).toMatchObject({ code: 2, stderr: expect.stringMatching(/seed was 0, now it is 1/) });
});

test('a missing picture at line 700 says so and keeps the results so far', async () => {
  const support = Array.from({ length: 698 }, (_, i) => question(i, { split: 'support' }));
  const rows = [...support, question(0, { split: 'query' }), question(1, { split: 'query', image: 'gone.png' })];
  const file = await taskFile('long.jsonl', rows);
  const args = [file, '--beams', '1', '--shots', '1', '--out', folder.at('long')];
  const { code, stderr } = await evaluate(...args);
  expect(code).toBe(2);
  expect(stderr).toMatch(/long\.jsonl: Line 700: the picture gone\.png does not exist\. 1 results are kept in/);
  expect(await resultLines('long')).toHaveLength(1);
  expect(JSON.parse(await readFile(folder.at('long', 'results.json'), 'utf8'))).toMatchObject({ complete: false });
  await taskFile('long.jsonl', [...rows.slice(0, 699), question(1, { split: 'query' })]);
  const again = await evaluate(...args);
  expect(again.stderr.match(/shots, line/g)).toHaveLength(1);
  expect(again.report).toMatchObject({ complete: true, curve: [{ shots: 1, items: 2 }] });
});

test('RICES gives the nearest pictures, the same one last; its index is kept and grows', async () => {
  const rows = [0, 1, 2, 3].map((i) => ({ image: `${i}.png`, class_name: `class ${i}`, split: 'support' }));
  const query = { image: '2.png', class_name: 'class 2', split: 'query' };
  const args = ['--shots', '3', '--rices', '--ensemble', '--out', folder.at('rices')];
  const file = await taskFile('classes.jsonl', [...rows.slice(0, 3), query]);
  const { code, stderr } = await evaluate(file, ...args);
  expect(code, stderr).toBe(0);
  const [{ examples, shares }] = await resultLines('rices');
  expect(examples.at(-1)).toBe('3');
  expect(Object.keys(shares)).toEqual(['class 0', 'class 1', 'class 2']);
  expect(Object.values<number>(shares).reduce((a, b) => a + b)).toBeCloseTo(1, 9);
  await taskFile('classes.jsonl', [...rows.slice(0, 3), query, rows[3]]);
  expect((await evaluate(file, ...args)).code).toBe(0);
  const index = await readIndex(new Uint8Array(await readFile(folder.at('rices', 'index-features.bin'))));
  expect(index.entries().map(({ id }) => id)).toEqual(['1', '2', '3', '5']);
});

test('with captions in their place, no picture is seen by an answer', async () => {
  const rows = [question(0, { split: 'support' }), question(1, { split: 'support' }), question(2, { split: 'query' })];
  const file = await taskFile('captions.jsonl', rows);
  const { code, stderr, report } = await evaluate(file, '--shots', '2', '--pictures', 'captions');
  expect(code, stderr).toBe(0);
  expect(report).toMatchObject({ pictures: 'captions', curve: [{ shots: 2, items: 1 }] });
});

test('with a prefix in their place, pictures are vectors in the text, and the gates are closed', async () => {
  await mkdir(folder.at('prefix'));
  await writePrefixPackage(folder.at('prefix'));
  const rows = [question(0, { split: 'support' }), question(2, { split: 'query' })];
  const file = await taskFile('prefix.jsonl', rows);
  const options = ['--shots', '1', '--pictures', 'prefix', '--beams', '1', '--executor', 'wasm', '--json'];
  const { code, stdout, stderr } = await cli(
    ...['eval', folder.at('prefix', 'package'), file, ...options, '--out', folder.at('by prefix')],
  );
  expect(code, stderr).toBe(0);
  expect((await cli('inspect', folder.at('prefix', 'package'))).stdout).toMatch(
    /^prefix +3 vectors from a picture’s features$/m,
  );
  expect(JSON.parse(stdout)).toMatchObject({ pictures: 'prefix', curve: [{ shots: 1, items: 1 }] });
  const [{ raw }] = await resultLines('by prefix');
  await using model = await loadFolder(folder.at('prefix', 'package'), { executor: 'wasm' });
  await using session = await model.createSession();
  const shown = async (i: number) => {
    const value = await model.visualPrefix(new Blob([await readFile(folder.at(`${i}.png`))]));
    return [
      { type: 'vectors', value },
      { type: 'text', value: `Question:What is ${i}? Short answer:` },
    ] as const;
  };
  const example = [...(await shown(0)), { type: 'text', value: 'a0' }, { type: 'end-of-chunk' }] as const;
  await session.append([...example, { type: 'text', value: '\n' }, ...(await shown(2))]);
  let text = '';
  for await (const token of session.generate({ maxNewTokens: 5, visualStrength: 0 })) text += token.text;
  expect(raw).toBe(text);
});

test('score ranks the candidates of each request', async () => {
  const request = { id: 'r', prompt: '<image>Output:', images: ['0.png'], candidates: ['cat', 'dog', 'a bird'] };
  await writeFile(folder.at('score.json'), JSON.stringify({ requests: [request] }));
  const args = [folder.at('package'), folder.at('score.json'), '--executor', 'wasm', '--json'];
  const { code, stdout, stderr } = await cli('score', ...args);
  expect(code, stderr).toBe(0);
  const { ranked, label } = JSON.parse(stdout).r;
  const run = await cli('run', ...args, '--out', folder.at('scored'));
  const expected: { text: string; sum: number }[] = JSON.parse(run.stdout).r.candidates;
  expect(ranked.map(({ text }: { text: string }) => text)).toEqual(
    expected.toSorted((a, b) => b.sum - a.sum).map(({ text }) => text),
  );
  expect(label).toBe(ranked[0].text);
  expect(ranked.reduce((sum: number, each: { probability: number }) => sum + each.probability, 0)).toBeCloseTo(1, 9);
});

test.each([
  ['an empty candidate', ['a', ''], /candidates/],
  ['a candidate twice', ['a', 'b', 'a'], /"a" is there twice among 3/],
  ['no candidates', undefined, /r has 0 candidates/],
])('score refuses %s', async (_name, candidates, message) => {
  const requests = [{ id: 'r', prompt: 'x', candidates }];
  await writeFile(folder.at('bad.json'), JSON.stringify({ requests }));
  await expectRefused(folder, ['score', folder.at('package'), folder.at('bad.json')], [message]);
});

test('eval refuses what cannot be evaluated before it loads anything large', async () => {
  const file = await taskFile('few.jsonl', [question(0), question(1)]);
  const call = (...args: string[]) => ['eval', folder.at('package'), file, ...args, '--executor', 'wasm'];
  await expectRefused(folder, call('--shots', '4'), [/4 examples are needed; there are 1 beside the query/]);
  await expectRefused(folder, call('--shots', '0'), [/2 examples are needed for zero shots/]);
  await expectRefused(folder, call('--shots', '1,1'), [/1 is there twice/]);
  await expectRefused(folder, call('--shots', 'x'), [/--shots is "x"/]);
  await expectRefused(folder, call('--task', 'vcr'), [/There is no task vcr/]);
  await expectRefused(folder, call('--shots', '1', '--pictures', 'prefix'), [
    /no mapper of visual prefixes/,
    /--mapper/,
  ]);
  await expectRefused(folder, call('--pictures', 'hidden'), [/must be one of seen, captions, prefix/]);
  await expectRefused(folder, call('--published', 'x'), [/0 published curves of x/]);
  await writeFile(folder.at('labels.txt'), 'a\n\nb\n');
  const classes = await taskFile(
    'one.jsonl',
    [0, 1, 2].map((i) => ({ image: '0.png', class_name: `c${i}` })),
  );
  const labels = ['--labels', folder.at('labels.txt'), '--executor', 'wasm', '--shots', '1'];
  await expectRefused(folder, ['eval', folder.at('package'), classes, ...labels], [/label 2 of 3 is empty/]);
  const two = await taskFile('two.jsonl', [question(0, { images: ['0.png', '1.png'], image: undefined }), question(1)]);
  await expectRefused(
    folder,
    ['eval', folder.at('package'), two, '--shots', '1', '--executor', 'wasm'],
    [/2 media were given/],
  );
});
