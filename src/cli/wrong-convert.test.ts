import { cp, mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, test } from 'vitest';
import { safetensors, writeJson } from '../testing/checkpoints/files';
import { type FlamingoSpec, writeFlamingo } from '../testing/checkpoints/flamingo';
import { TensorMaker } from '../testing/checkpoints/tensors';
import { writeHostileTorch } from '../testing/checkpoints/torch-writer';
import { CLI_SPEC, CliFolder, expectRefused, type WrongCall } from '../testing/command-line';

let folder: CliFolder;
const at = (...names: string[]) => folder.at(...names);
/** A copy of the source with one file replaced. */
async function damaged(name: string, file: string, change: (path: string) => Promise<unknown>): Promise<void> {
  await cp(at('source'), at(name), { recursive: true });
  await change(at(name, file));
}

/** In place of the language model's file: one tensor inside another. */
function overlapping(): Uint8Array {
  const header = {
    'model.norm.weight': { dtype: 'F32', shape: [4], data_offsets: [0, 16] },
    'lm_head.weight': { dtype: 'F32', shape: [4], data_offsets: [8, 24] },
  };
  const json = new TextEncoder().encode(JSON.stringify(header));
  return Buffer.concat([new Uint8Array(BigUint64Array.of(BigInt(json.length)).buffer), json, new Uint8Array(24)]);
}

/** In place of the language model's file: not a number among the weights. */
async function writeNaN(path: string): Promise<void> {
  const { language } = await writeFlamingo(at('spare'), CLI_SPEC);
  const bad = new TensorMaker('f32', 1).vector(CLI_SPEC.language.width);
  bad.values[5] = Number.NaN;
  await writeFile(path, safetensors(new Map([...language.tensors, ['model.norm.weight', bad]])));
}

beforeAll(async () => {
  folder = await CliFolder.create();
  const wider: FlamingoSpec = {
    ...CLI_SPEC,
    clip: { ...CLI_SPEC.clip, width: 28 },
    language: { ...CLI_SPEC.language, width: 54 },
  };
  await writeFlamingo(at('other'), wider);
  await damaged('no config', 'lm/config.json', rm);
  await damaged('no tokenizer', 'tokenizer.json', rm);
  await damaged('half json', 'lm/config.json', (path) => truncate(path, 20));
  await damaged('bad settings', 'flamingo.json', (path) =>
    writeJson(path, { vision: 'clip', language: 'lm', flamingo: 7 }),
  );
  await damaged('half clip', 'clip/open_clip_pytorch_model.bin', (path) => truncate(path, 3000));
  await damaged('half delta', 'checkpoint.pt', (path) => truncate(path, 5000));
  await damaged('half language', 'lm/pytorch_model.bin', (path) => truncate(path, 100));
  await damaged('hostile', 'checkpoint.pt', async (path) => writeFile(path, await writeHostileTorch()));
  await damaged('overlap', 'lm/model.safetensors', (path) => writeFile(path, overlapping()));
  await damaged('short safetensors', 'lm/model.safetensors', (path) => writeFile(path, overlapping().subarray(0, 60)));
  await damaged('nan', 'lm/model.safetensors', writeNaN);
  await damaged('other tokenizer', 'tokenizer.json', async (path) => {
    const json = JSON.parse(await readFile(path, 'utf8'));
    json.model.vocab['a token of another model'] = 299;
    await writeJson(path, json);
  });
  await damaged('no shard', 'lm/pytorch_model.bin', rm);
  await writeJson(at('no shard/lm/pytorch_model.bin.index.json'), {
    weight_map: { a: 'pytorch_model-00001-of-00002.bin' },
  });
  await mkdir(at('empty'));
}, 60_000);
afterAll(() => folder[Symbol.asyncDispose]());

const convertTo = (...args: string[]) => ['convert', ...args, '--out', at('new'), '--dtype', 'f32'];
const parts = (vision: string, language: string, flamingo: string) => {
  const tokenizer = ['--tokenizer', at('source/tokenizer.json')];
  return convertTo('--vision', at(vision), '--language', at(language), '--flamingo', at(flamingo), ...tokenizer);
};
const WRONG: WrongCall[] = [
  ['no command', () => ['conver'], 'no command conver', 'Did you mean convert?'],
  ['unknown flag', () => ['convert', '--modle', 'x'], 'no option --modle', 'Did you mean --model?'],
  ['unknown flag of run', () => ['run', 'a', 'b', '--excutor', 'wasm'], '--excutor', '--executor'],
  ['a flag without its value', () => ['convert', '--model'], '--model', 'Usage: flamingo-web convert'],
  ['an argument too many', () => ['inspect', 'a', 'b'], 'inspect takes 1 arguments (PATH), 2 came', 'Usage'],
  [
    'unknown dtype',
    () => ['convert', '--model', at('source'), '--out', at('new'), '--dtype', 'q5'],
    '--dtype is q5',
    'f32, f16, q8, q4',
  ],
  [
    'unknown vision tokens',
    () => convertTo('--model', at('source'), '--vision-tokens', 'all'),
    '--vision-tokens is all',
    'after-post-norm',
  ],
  ['no --out', () => ['convert', '--model', at('source')], '--out is missing', '--dry-run'],
  [
    'no --language',
    () => ['convert', '--vision', 'x', '--flamingo', 'y', '--out', at('new')],
    '--language is missing',
    '--model FOLDER',
  ],
  [
    'no such folder',
    () => convertTo('--model', at('nowhere')),
    /nowhere.flamingo\.json does not exist/,
    'Check the path',
  ],
  [
    'no such vision',
    () => parts('nowhere', 'source/lm', 'source/checkpoint.pt'),
    '--vision',
    'nowhere',
    'Check the path',
  ],
  ['no such language', () => parts('source/clip', 'nowhere', 'source/checkpoint.pt'), '--language', 'nowhere'],
  ['no such checkpoint', () => parts('source/clip', 'source/lm', 'nowhere.pt'), '--flamingo', 'nowhere.pt'],
  [
    'a folder without weights',
    () => parts('empty', 'source/lm', 'source/checkpoint.pt'),
    '--vision',
    'holds no weights',
    'looked for model.safetensors',
  ],
  [
    'half an address on a hub',
    () => ['convert', '--vision', 'hf:clip', '--language', 'x', '--flamingo', 'y', '--out', at('new')],
    '--vision: hf:clip is not an address',
    'hf:owner/name@revision',
  ],
  [
    'no tokenizer',
    () => convertTo('--model', at('no tokenizer')),
    '--tokenizer',
    'tokenizer.json does not exist',
    'Give the tokenizer.json',
  ],
  [
    'a tokenizer of another model',
    () => convertTo('--model', at('other tokenizer')),
    /tokenizer\.json has 300 tokens, the model 97 rows/,
    '--tokenizer',
  ],
  [
    'a missing shard',
    () => convertTo('--model', at('no shard')),
    'pytorch_model.bin.index.json names the shard pytorch_model-00001-of-00002.bin',
    'Get all files',
  ],
  [
    'no config of the language model',
    () => convertTo('--model', at('no config')),
    '--language',
    'config.json',
    'model_type',
  ],
  [
    'half a config',
    () => convertTo('--model', at('half json')),
    /lm.config\.json is not a JSON object/,
    'Get the file again',
  ],
  [
    'a flamingo.json of another kind',
    () => convertTo('--model', at('bad settings')),
    'flamingo.json: flamingo:',
    '"language"',
  ],
  [
    'another vision tower',
    () => parts('other/clip', 'source/lm', 'source/checkpoint.pt'),
    /other.clip/,
    '28',
    '20',
    'perceiver.latents',
    '--vision',
  ],
  [
    'another language model',
    () => parts('source/clip', 'other/lm', 'source/checkpoint.pt'),
    'attn.norm.weight',
    '[48]',
    '54',
    '--language',
  ],
  [
    'a language model as checkpoint',
    () => parts('source/clip', 'source/lm', 'source/lm/pytorch_model.bin'),
    'no gated cross-attention layers',
    '--flamingo',
  ],
  [
    'a checkpoint as vision tower',
    () => parts('source/checkpoint.pt', 'source/lm', 'source/checkpoint.pt'),
    '--vision',
    'neither an open_clip nor a Hugging Face ViT',
    'CLIP or SigLIP ViT folder',
  ],
  [
    'an existing folder',
    () => ['convert', '--model', at('source'), '--out', at('package')],
    '--out',
    'exists already',
    '--force',
  ],
  [
    'an existing folder that is no package, with --force',
    () => ['convert', '--model', at('source'), '--out', at('source'), '--force'],
    '--out',
    'is not a package',
    'another folder',
  ],
  [
    'a checkpoint that names os.system',
    () => convertTo('--model', at('hostile')),
    'checkpoint.pt names os.system',
    'Nothing was run',
    'Do not trust this file',
  ],
  [
    'overlapping tensors',
    () => convertTo('--model', at('overlap')),
    'model.safetensors',
    'lm_head.weight begins at byte',
    'Get the file again',
  ],
  [
    'a safetensors file cut short',
    () => convertTo('--model', at('short safetensors')),
    'model.safetensors',
    'bytes',
    'Get the file again',
  ],
  [
    'a vision tower cut short',
    () => convertTo('--model', at('half clip')),
    'open_clip_pytorch_model.bin',
    'Get the file again',
  ],
  ['a checkpoint cut short', () => convertTo('--model', at('half delta')), 'checkpoint.pt', 'Get the file again'],
  [
    'a language model cut short',
    () => convertTo('--model', at('half language')),
    /lm.pytorch_model\.bin/,
    'Get the file again',
  ],
  ['weights that are no numbers', () => convertTo('--model', at('nan')), 'norm.weight holds NaN', 'damaged'],
];

test.each(WRONG)('%s', { timeout: 60_000 }, async (_, args, ...expected) => {
  await expectRefused(folder, args(), expected);
});
