import { mkdir } from 'node:fs/promises';
import { afterAll, beforeAll, test } from 'vitest';
import { type FlamingoSpec, writeFlamingo } from '../testing/checkpoints/flamingo';
import { CLI_SPEC, CliFolder, expectRefused, type WrongCall } from '../testing/command-line';

let folder: CliFolder;
const at = (...names: string[]) => folder.at(...names);
beforeAll(async () => {
  folder = await CliFolder.create();
  const wider: FlamingoSpec = {
    ...CLI_SPEC,
    clip: { ...CLI_SPEC.clip, width: 28 },
    language: { ...CLI_SPEC.language, width: 54 },
  };
  await writeFlamingo(at('other'), wider);
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
    'is a delta',
  ],
  ['no such folder', () => convertTo('--model', at('nowhere')), /--model: .*nowhere does not exist/, 'Check the path'],
  [
    'a delta as --model',
    () => convertTo('--model', at('source/checkpoint.pt')),
    /--model: .*checkpoint\.pt is a file/,
    '--language',
    'is a delta',
  ],
  [
    'a folder of no model',
    () => convertTo('--model', at('empty')),
    /--model: .*empty holds neither/,
    'config.json',
    'flamingo.json',
    '--language',
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
];

test.each(WRONG)('%s', { timeout: 60_000 }, async (_, args, ...expected) => {
  await expectRefused(folder, args(), expected);
});
