import { cp, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { isHubAddress, parseHubAddress } from '../format/hub/address';
import type { Manifest } from '../format/manifest';
import { writeVocabFiles } from '../testing/checkpoints/vocab-files';
import { CliFolder, cli } from '../testing/command-line';
import { TestHub } from '../testing/hub';
import { GOLDENS } from '../testing/parity';
import { PRESETS, withPreset } from './presets';

let folder: CliFolder;
beforeAll(async () => {
  folder = await CliFolder.create();
}, 60_000);
afterAll(() => folder[Symbol.asyncDispose]());

test('every preset has all of its parts, as addresses on the hub', () => {
  expect(new Set(PRESETS.map(({ name }) => name.toLowerCase())).size).toBe(PRESETS.length);
  for (const { name, parts } of PRESETS) {
    const { model, vision, language, flamingo } = parts;
    const paths = model === undefined ? [vision, language, flamingo] : [model];
    for (const path of paths) {
      expect(isHubAddress(path!), name).toBe(true);
      expect(parseHubAddress(name, path!).revision).toBe('main');
    }
    expect(parseHubAddress(name, model ?? flamingo!).repository).toBe(name);
  }
});

test('what the caller gives wins over the preset; other models stay as they are', async () => {
  const model = 'openflamingo/OpenFlamingo-9B-vitl-mpt7b';
  const filled = await withPreset({ model, language: 'mine', license: undefined, name: undefined });
  expect(filled).toMatchObject({
    model: undefined,
    language: 'mine',
    flamingo: `hf:${model}/checkpoint.pt`,
    visionTokens: 'before-post-norm',
    name: 'OpenFlamingo-9B-vitl-mpt7b',
  });
  expect(await withPreset({ model: `hf:${model}`, vision: 'mine' })).toMatchObject({ vision: 'mine' });
  expect(await withPreset({ model: folder.at('source') })).toEqual({ model: folder.at('source') });
  expect(await withPreset({ model: 'hf:other/model' })).toEqual({ model: 'hf:other/model' });
});

/** Converts by name from a hub that offers these folders; gives the package's manifest. */
async function converted(name: string, folders: Record<string, string>): Promise<Manifest> {
  await using hub = await TestHub.start();
  vi.stubEnv('HF_ENDPOINT', hub.endpoint);
  vi.stubEnv('FLAMINGO_CACHE', folder.at('cache'));
  try {
    for (const [repository, path] of Object.entries(folders)) hub.offer(repository, folder.at(path));
    const out = folder.at(`out ${name.split('/')[1]}`);
    const { code, stderr } = await cli('convert', '--model', name, '--out', out, '--dtype', 'f32');
    expect(code, stderr).toBe(0);
    return JSON.parse(await readFile(join(out, 'model.json'), 'utf8'));
  } finally {
    vi.unstubAllEnvs();
  }
}

test('convert --model NAME fetches the parts of a preset and converts them', async () => {
  await cp(folder.at('source/lm'), folder.at('llama'), { recursive: true });
  await cp(folder.at('source/tokenizer.json'), folder.at('llama/tokenizer.json'));
  await mkdir(folder.at('med'));
  for (const [from, to] of [
    ['checkpoint.pt', 'model.pt'],
    ['flamingo.json', 'flamingo.json'],
  ])
    await cp(folder.at('source', from), folder.at('med', to));
  const manifest = await converted('med-flamingo/med-flamingo', {
    'openai/clip-vit-large-patch14': 'source/clip',
    'huggyllama/llama-7b': 'llama',
    'med-flamingo/med-flamingo': 'med',
  });
  expect(manifest.name).toBe('med-flamingo');
  expect(manifest.base_models.sort()).toEqual([
    'huggyllama/llama-7b',
    'med-flamingo/med-flamingo',
    'openai/clip-vit-large-patch14',
  ]);
});

test('flamingo-mini, whose repository has no tokenizer, takes that of OPT', async () => {
  const golden = join(GOLDENS, 'mini-opt350');
  await mkdir(folder.at('mini'));
  for (const name of ['config.json', 'pytorch_model.bin']) await cp(join(golden, name), folder.at('mini', name));
  await writeVocabFiles(folder.at('opt'), await readFile(join(golden, 'tokenizer.json'), 'utf8'), false);
  const { prompt } = await converted('dhansmair/flamingo-mini', {
    'dhansmair/flamingo-mini': 'mini',
    'facebook/opt-30b': 'opt',
  });
  expect(prompt).toMatchObject({ imageToken: '<', endOfChunkToken: '<EOC>', stopIds: [2] });
  expect(prompt.endOfChunkId).toBe(459); // behind the 459 tokens of vocab.json
});

test('convert --presets lists them all; a name that is none is refused', async () => {
  const { code, stdout } = await cli('convert', '--presets');
  expect(code).toBe(0);
  for (const { name } of PRESETS) expect(stdout).toContain(name);
  const wrong = await cli('convert', '--model', 'openflamingo/OpenFlamingo-5B', '--out', folder.at('none'));
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('convert --presets') });
});
