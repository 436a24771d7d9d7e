import { cp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, test } from 'vitest';
import { safetensors, writeJson } from '../testing/checkpoints/files';
import { writeFlamingo } from '../testing/checkpoints/flamingo';
import { TensorMaker } from '../testing/checkpoints/tensors';
import { writeHostileTorch } from '../testing/checkpoints/torch-writer';
import { CLI_SPEC, CliFolder, expectRefused } from '../testing/command-line';

let folder: CliFolder;
beforeAll(async () => {
  folder = await CliFolder.create();
}, 60_000);
afterAll(() => folder[Symbol.asyncDispose]());

/** One tensor inside another. */
function overlapping(): Uint8Array {
  const header = {
    'model.norm.weight': { dtype: 'F32', shape: [4], data_offsets: [0, 16] },
    'lm_head.weight': { dtype: 'F32', shape: [4], data_offsets: [8, 24] },
  };
  const json = new TextEncoder().encode(JSON.stringify(header));
  return Buffer.concat([new Uint8Array(BigUint64Array.of(BigInt(json.length)).buffer), json, new Uint8Array(24)]);
}

/** A language model with what is not a number among its weights. */
async function writeNaN(path: string): Promise<void> {
  const { language } = await writeFlamingo(folder.at('spare'), CLI_SPEC);
  const bad = new TensorMaker('f32', 1).vector(CLI_SPEC.language.width);
  bad.values[5] = Number.NaN;
  await writeFile(path, safetensors(new Map([...language.tensors, ['model.norm.weight', bad]])));
}

/** A tokenizer.json, as far as it is changed here. */
interface TokenizerJson {
  model: { vocab: Record<string, number> };
  added_tokens: { id: number }[];
}

const edited = (change: (json: TokenizerJson) => void) => async (path: string) => {
  const json = JSON.parse(await readFile(path, 'utf8')) as TokenizerJson;
  change(json);
  await writeJson(path, json);
};

const cut = (length: number) => (path: string) => truncate(path, length);

/** In the place of one file two shards without an index. */
async function withoutIndex(path: string): Promise<void> {
  for (const n of [1, 2]) await cp(path, path.replace('.bin', `-0000${n}-of-00002.bin`));
  await rm(path);
}

/** In the place of one file an index without its shard. */
async function withoutShard(path: string): Promise<void> {
  await writeJson(`${path}.index.json`, { weight_map: { a: 'pytorch_model-00001-of-00002.bin' } });
  await rm(path);
}

/** What is wrong, the file of the source that is changed, and what stderr holds. */
const DAMAGED: [
  name: string,
  file: string,
  change: (path: string) => Promise<unknown>,
  ...stderr: (string | RegExp)[],
][] = [
  ['no tokenizer', 'tokenizer.json', rm, '--tokenizer', 'tokenizer.json does not exist', 'Give the tokenizer.json'],
  [
    'a tokenizer of another model',
    'tokenizer.json',
    edited(({ model }) => {
      model.vocab['a token of another model'] = 299;
    }),
    /tokenizer\.json has 300 tokens, the model 97 rows/,
    '--tokenizer',
  ],
  [
    'a tokenizer whose added tokens are not this model’s',
    'tokenizer.json',
    edited((json) =>
      json.added_tokens.forEach((token: { id: number }, i: number) => {
        token.id = 310 + i;
      }),
    ),
    /number 311; the tokenizer has 312 tokens, the model 97 rows/,
    'belongs to another model',
  ],
  [
    'a missing shard',
    'lm/pytorch_model.bin',
    withoutShard,
    'pytorch_model.bin.index.json names the shard pytorch_model-00001-of-00002.bin',
    'Get all files',
  ],
  [
    'shards without their index',
    'lm/pytorch_model.bin',
    withoutIndex,
    'pytorch_model-00001-of-00002.bin, pytorch_model-00002-of-00002.bin',
    '.index.json',
  ],
  ['no config of the language model', 'lm/config.json', rm, '--language', 'config.json', 'model_type'],
  ['half a config', 'lm/config.json', cut(20), /lm.config\.json is not a JSON object/, 'Get the file again'],
  [
    'a flamingo.json of another kind',
    'flamingo.json',
    (path) => writeJson(path, { vision: 'clip', language: 'lm', flamingo: 7 }),
    'flamingo.json: flamingo:',
    '"language"',
  ],
  [
    'a checkpoint that names os.system',
    'checkpoint.pt',
    async (path) => writeFile(path, await writeHostileTorch()),
    'checkpoint.pt names os.system',
    'Nothing was run',
    'Do not trust this file',
  ],
  [
    'overlapping tensors',
    'lm/model.safetensors',
    (path) => writeFile(path, overlapping()),
    'model.safetensors',
    'lm_head.weight begins at byte',
    'Get the file again',
  ],
  [
    'a safetensors file cut short',
    'lm/model.safetensors',
    (path) => writeFile(path, overlapping().subarray(0, 60)),
    'model.safetensors',
    'bytes',
    'Get the file again',
  ],
  [
    'a vision tower cut short',
    'clip/open_clip_pytorch_model.bin',
    cut(3000),
    'open_clip_pytorch_model.bin',
    'Get the file again',
  ],
  ['a checkpoint cut short', 'checkpoint.pt', cut(5000), 'checkpoint.pt', 'Get the file again'],
  ['a language model cut short', 'lm/pytorch_model.bin', cut(100), /lm.pytorch_model\.bin/, 'Get the file again'],
  ['weights that are no numbers', 'lm/model.safetensors', writeNaN, 'norm.weight holds NaN', 'damaged'],
];

test.each(DAMAGED)('%s', { timeout: 60_000 }, async (name, file, change, ...expected) => {
  await cp(folder.at('source'), folder.at(name), { recursive: true });
  await change(join(folder.at(name), file));
  const args = ['convert', '--model', folder.at(name), '--out', folder.at('new'), '--dtype', 'f32'];
  await expectRefused(folder, args, expected);
});
