import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { afterAll, beforeAll, test } from 'vitest';
import { writeJson } from '../testing/checkpoints/files';
import { CliFolder, expectRefused, type WrongCall } from '../testing/command-line';
import { GOLDENS } from '../testing/parity';

const PICTURE = `${GOLDENS}of-neox/images/00.png`;

let folder: CliFolder;
const at = (...names: string[]) => folder.at(...names);
/** A copy of the package with one file replaced. */
async function damagedPackage(
  name: string,
  file: string,
  change: (bytes: Buffer) => Buffer | undefined,
): Promise<void> {
  await cp(at('package'), at(name), { recursive: true });
  const bytes = change(await readFile(at(name, file)));
  if (bytes) await writeFile(at(name, file), bytes);
  else await rm(at(name, file));
}

function replaced(text: string, by: string) {
  return (bytes: Buffer) => {
    if (!bytes.toString().includes(text)) throw new Error(`the manifest does not hold ${text}`);
    return Buffer.from(bytes.toString().replace(text, by));
  };
}

const request = (name: string, fields: Record<string, unknown>) =>
  writeJson(at('requests', `${name}.json`), {
    requests: [{ id: 'a', prompt: '<image>abc', images: [PICTURE], outputs: ['logits'], ...fields }],
  });

beforeAll(async () => {
  folder = await CliFolder.create();
  await damagedPackage('flipped', 'decoder.onnx.data-00001', (bytes) => {
    bytes[1000] ^= 1;
    return bytes;
  });
  await damagedPackage('flipped graph', 'decoder.onnx', (bytes) => {
    bytes[100] ^= 1;
    return bytes;
  });
  await damagedPackage('no shard', 'decoder.onnx.data-00001', () => undefined);
  await damagedPackage('short shard', 'resampler.onnx.data-00001', (bytes) => bytes.subarray(0, -1));
  await damagedPackage('other sum', 'model.json', (bytes) =>
    Buffer.from(bytes.toString().replace(/"[0-9a-f]{64}"/, `"${'0'.repeat(64)}"`)),
  );
  await damagedPackage('other version', 'model.json', replaced('flamingo-web/1', 'flamingo-web/2'));
  await damagedPackage('other field', 'model.json', replaced('"kvHeads": 1', '"kvHeads": "one"'));
  await damagedPackage('half manifest', 'model.json', (bytes) => bytes.subarray(0, 50));
  await mkdir(at('empty'));
  await writeFile(at('text.png'), 'this is no picture');
  await writeFile(at('no json.json'), '{"requests": [');
  await request('good', {});
  await request('too few', { prompt: '<image>ab<image>c' });
  await request('too many', { images: [PICTURE, PICTURE] });
  await request('none', { prompt: 'abc' });
  await request('a video', { frames: 2, images: [resolve('e2e/clips/steps.mp4')] });
  await request('a short animation', { frames: 16, images: [resolve('e2e/clips/steps.gif')] });
  await request('too long a clip', { frames: 33, images: Array(33).fill(PICTURE) });
  await request('unknown output', { outputs: ['logits', 'logitz'] });
  await request('no number', { generate: { max_new_tokens: 0 } });
  await request('unknown end', { generate: { max_new_tokens: 1, ends: 'word' } });
  await request('unreadable', { images: [at('text.png')] });
  await request('missing picture', { images: ['nowhere.png'] });
  await request('long', { prompt: `<image>${'a'.repeat(80)}` });
  await request('odd frames', { frames: 2 });
  await writeJson(at('requests', 'twice.json'), {
    requests: [
      { id: 'a', prompt: 'x' },
      { id: 'a', prompt: 'y' },
    ],
  });
}, 60_000);
afterAll(() => folder[Symbol.asyncDispose]());

const runOf = (folder: string, requests: string, ...more: string[]) => [
  'run',
  at(folder),
  at('requests', `${requests}.json`),
  '--out',
  at('results'),
  '--executor',
  'wasm',
  ...more,
];

const WRONG: WrongCall[] = [
  [
    'a picture too few',
    () => runOf('package', 'too few'),
    'a: the prompt has 2 image tokens but 1 images',
    'Add the missing images',
  ],
  ['a picture too many', () => runOf('package', 'too many'), '1 image tokens but 2 images', 'remove'],
  ['a picture without its token', () => runOf('package', 'none'), '0 image tokens but 1 images', 'remove'],
  [
    'half a clip',
    () => runOf('package', 'odd frames'),
    '1 image tokens but 1 images were given in clips of 2',
    'Add the missing images',
  ],
  ['a video', () => runOf('package', 'a video'), 'steps.mp4 is a video', 'no WebCodecs', 'List its frames'],
  ['a short animation', () => runOf('package', 'a short animation'), 'steps.gif has 12 frames; a clip of 16', 'fewer'],
  ['too long a clip', () => runOf('package', 'too long a clip'), '33 frames', '1 to 32', 'fewer frames'],
  [
    'an unknown output',
    () => runOf('package', 'unknown output'),
    'unknown output.json: requests.0.outputs.1',
    'logitz',
    'hidden',
  ],
  ['a number out of range', () => runOf('package', 'no number'), 'requests.0.generate.max_new_tokens', 'A request is'],
  ['an unknown end', () => runOf('package', 'unknown end'), 'requests.0.generate.ends', 'answer', 'A request is'],
  ['an id twice', () => runOf('package', 'twice'), 'the id a is there twice', 'own id'],
  ['an unreadable picture', () => runOf('package', 'unreadable'), 'text.png', /another|PNG/],
  [
    'a missing picture',
    () => runOf('package', 'missing picture'),
    'nowhere.png does not exist',
    'relative to the requests file',
  ],
  ['a prompt longer than the context', () => runOf('package', 'long'), '81', '64', /[Ss]horten|start/],
  ['no requests', () => runOf('package', 'nowhere'), 'nowhere.json does not exist', '"requests"'],
  [
    'requests that are no JSON',
    () => ['run', at('package'), at('no json.json'), '--out', at('results')],
    'no json.json is not JSON',
    'Correct the file',
  ],
  [
    'no --out of run',
    () => ['run', at('package'), at('requests/good.json')],
    '--out is missing',
    'folder for the results',
  ],
  [
    'no such executor',
    () => runOf('package', 'good', '--executor', 'cuda'),
    '--executor is cuda',
    'auto, webgpu, wasm',
  ],
  ['a folder that is no package', () => runOf('source', 'good'), 'holds no model.json', 'converted model'],
  [
    'a flipped byte',
    () => runOf('flipped', 'good'),
    'decoder.onnx.data-00001, piece 1 of 1: sha256 is',
    'load it again',
  ],
  [
    'a flipped byte in a graph',
    () => runOf('flipped graph', 'good'),
    'decoder.onnx, piece 1 of 1: sha256 is',
    'load it again',
  ],
  ['a missing shard', () => runOf('no shard', 'good'), 'decoder.onnx.data-00001 is missing', 'incomplete'],
  [
    'a shard cut short',
    () => runOf('short shard', 'good'),
    'resampler.onnx.data-00001 has',
    'are expected',
    'load it again',
  ],
  ['a wrong sum in the manifest', () => runOf('other sum', 'good'), `${'0'.repeat(64)} is expected`, 'load it again'],
  [
    'another version of the manifest',
    () => runOf('other version', 'good'),
    'flamingo-web/2',
    'flamingo-web/1',
    'Convert the model again',
  ],
  [
    'a manifest with a wrong field',
    () => runOf('other field', 'good'),
    'config.decoder.kvHeads',
    'Convert the model again',
  ],
  ['half a manifest', () => runOf('half manifest', 'good'), 'model.json is not JSON', 'converted model'],
  ['inspect nothing', () => ['inspect', at('nowhere')], 'nowhere does not exist', 'package folder'],
  ['inspect a folder of something else', () => ['inspect', at('empty')], 'holds no weights', 'weight file'],
  ['inspect a file of something else', () => ['inspect', at('text.png')], 'text.png', 'Get the file again'],
  ['inspect a damaged package', () => ['inspect', at('flipped graph')], 'decoder.onnx, piece 1 of 1', 'load it again'],
  ['inspect another version', () => ['inspect', at('other version')], 'flamingo-web/2', 'Convert the model again'],
];

test.each(WRONG)('%s', { timeout: 60_000 }, async (_, args, ...expected) => {
  await expectRefused(folder, args(), expected);
});
