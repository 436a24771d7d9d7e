import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { writeVocabFiles } from '../testing/checkpoints/vocab-files';
import { GOLDENS } from '../testing/parity';
import { mkTemporaryFolder } from '../testing/temporary-folder';
import { TextTokenizer } from '../text/tokenizer';
import { readTokenizer } from './tokenizer';

const TEXTS = ['a red cat.', ' two  boats\nnear the sea', 'Ünïcode 42 <pad>', ''];

let root: string;
let folder: string;
let original: TextTokenizer;
let count = 0;
beforeAll(async () => {
  root = await mkTemporaryFolder();
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** OPT's files, out of a golden's tokenizer.json. */
beforeEach(async () => {
  folder = join(root, String(count++));
  const text = await readFile(`${GOLDENS}mini-opt/tokenizer.json`, 'utf8');
  original = new TextTokenizer(text);
  await writeVocabFiles(folder, text, true);
});

test.each(['tokenizer.json', 'vocab.json'])('in the place of %s they give the same tokens and texts', async (name) => {
  const file = await readTokenizer(join(folder, name));
  const tokenizer = new TextTokenizer(file.text);
  expect(file.idOf('<image>')).toBe(original.encodePrompt('<image>').at(-1));
  expect(tokenizer.beginIds).toEqual(original.beginIds);
  expect(tokenizer.beginIds).toHaveLength(1);
  for (const text of TEXTS) {
    const ids = original.encodePrompt(`${text}<image>`);
    expect(tokenizer.encodePrompt(`${text}<image>`)).toEqual(ids);
    expect(tokenizer.decode(ids)).toBe(original.decode(ids));
  }
});

test('without add_bos_token nothing is put in front', async () => {
  await rm(join(folder, 'tokenizer_config.json'));
  expect(new TextTokenizer((await readTokenizer(join(folder, 'vocab.json'))).text).beginIds).toEqual([]);
});

test.each<[string, string, string | undefined, string, string]>([
  ['no merges', 'merges.txt', undefined, 'not-found', 'merges.txt does not exist; vocab.json alone'],
  ['merges of three', 'merges.txt', '#version: 0.2\na b\na b c\n', 'bad-file', 'other than two tokens: "a b c"'],
  ['a token without a number', 'vocab.json', '{"a": 0, "b": "one"}', 'bad-file', 'gives a token no number'],
])('%s', async (_, name, text, code, message) => {
  if (text === undefined) await rm(join(folder, name));
  else await writeFile(join(folder, name), text);
  const error = await readTokenizer(join(folder, 'vocab.json')).catch((reason) => reason);
  expect(error).toMatchObject({ code });
  expect(error.message).toContain(message);
});
