import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openGguf } from '../format/gguf/gguf';
import { bytesAccess } from '../format/random-access';
import { CHECKPOINTS } from '../testing/checkpoints/cases';
import { LLAMA3_SCALING } from '../testing/checkpoints/cases-rotary';
import { type FlamingoSpec, writeFlamingo } from '../testing/checkpoints/flamingo';
import { ggufOfLlama, writeGguf } from '../testing/checkpoints/gguf-writer';
import { inTemporaryFolder } from '../testing/temporary-folder';
import { TextTokenizer } from '../text/tokenizer';
import { convert } from './convert';
import { ggufLanguage } from './gguf/language';
import { ggufTokenizer } from './gguf/tokenizer';

const GROUPED = CHECKPOINTS['LLaMA, grouped heads of their own size, biases, tied head, Llama-3 rotary'];
const SINGLE = CHECKPOINTS['LLaMA, one key head, untied head without rows for the added tokens'];
const grouped: FlamingoSpec = {
  ...GROUPED,
  language: { ...GROUPED.language, config: { head_dim: 10, rope_theta: 500, rope_scaling: LLAMA3_SCALING } },
};

/** What llama.cpp's converter would keep of the scaling: divisors of the five frequencies. */
function divisors(spec: FlamingoSpec): number[] {
  const { position } = spec.language.decoder ?? {};
  if (position?.kind !== 'rotary' || !position.factors) throw new Error('the spec has no factors');
  return position.factors.map((factor) => 1 / factor);
}

test.each([
  ['one key head, untied head', SINGLE, {}],
  ['grouped heads, biases, tied head, divided frequencies', grouped, { 'llama.attention.key_length': 10 }],
])('a language model from GGUF gives the same package as from its folder: %s', async (_, spec, keys) => {
  await inTemporaryFolder(async (folder) => {
    const { language } = await writeFlamingo(folder, spec);
    const gguf = join(folder, 'lm.gguf');
    const tensors = new Map(language.tensors);
    if (spec === grouped) {
      const values = Float32Array.from(divisors(spec));
      tensors.set('rope_freqs.weight', { shape: [5], values, type: 'f32' });
    }
    await writeFile(gguf, ggufOfLlama({ ...language, tensors }, keys));
    const options = { model: folder, dtype: 'f32', name: 'same' } as const;
    const expected = await convert({ ...options, out: join(folder, 'folder') });
    const report = await convert({ ...options, language: gguf, out: join(folder, 'gguf') });
    expect(report.notes).toEqual(expected.notes.map((note) => note.replace(join(folder, 'lm', 'x'), 'x')));
    expect(report.files).toEqual(expected.files);
    for (const { path } of expected.files) {
      const same = (await readFile(join(folder, 'gguf', path))).equals(await readFile(join(folder, 'folder', path)));
      if (spec !== grouped || path !== 'decoder.onnx') expect(same, path).toBe(true); // its divisors went through f32
    }
    const manifests = await Promise.all(['gguf', 'folder'].map((name) => readFile(join(folder, name, 'model.json'))));
    const [a, b] = manifests.map((bytes) => JSON.parse(bytes.toString()).config);
    const factors = [a, b].map(({ decoder }) => decoder.position.factors ?? []);
    factors[0].forEach((factor: number, i: number) => void expect(factor).toBeCloseTo(factors[1][i], 6));
    for (const config of [a, b]) delete config.decoder.position.factors;
    expect(a).toEqual(b);
  });
});

const opened = (metadata: Parameters<typeof writeGguf>[0]) =>
  openGguf(bytesAccess('lm.gguf', writeGguf({ 'general.architecture': 'llama', ...metadata }, new Map())));
const SOUND = {
  'llama.embedding_length': 64,
  'llama.feed_forward_length': 96,
  'llama.block_count': 1,
  'llama.context_length': 32,
  'llama.attention.head_count': 4,
  'llama.attention.layer_norm_rms_epsilon': 1e-5,
};

test('numbers in f32 are what they were before', async () => {
  const { config } = await ggufLanguage(await opened(SOUND));
  expect(config).toMatchObject({ rms_norm_eps: 1e-5, rope_theta: 10000, num_key_value_heads: 4, head_dim: 16 });
  const scaled = await opened({ ...SOUND, 'llama.rope.scaling.type': 'linear', 'llama.rope.scaling.factor': 4 });
  expect((await ggufLanguage(scaled)).config.rope_scaling).toEqual({ rope_type: 'linear', factor: 4 });
});

test.each([
  ['another family', { 'general.architecture': 'qwen2' }, 'general.architecture is "qwen2"', 'unsupported'],
  ['experts', { 'llama.expert_count': 8 }, 'llama.expert_count is 8; it must be 0', 'unsupported'],
  ['half a rotary head', { 'llama.rope.dimension_count': 8 }, 'dimension_count is 8; it must be 16', 'unsupported'],
  ['another scaling', { 'llama.rope.scaling.type': 'yarn' }, 'llama.rope.scaling.type is "yarn"', 'unsupported'],
  ['an unknown key', { 'llama.attention.sliding_window': 9 }, 'sliding_window is 9; it must be absent', 'unsupported'],
  ['a missing key', { 'llama.block_count': 'one' }, 'llama.block_count is "one", a number', 'bad-file'],
])('refuses %s by name', async (_, metadata, message, code) => {
  const file = await opened({ ...SOUND, ...metadata });
  await expect(ggufLanguage(file)).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
});

// src/format/fixtures/sentencepiece.gguf: a model trained by sentencepiece 0.2 (BPE, byte fallback, split digits), listed as llama.cpp's converter does, and texts
// with the ids that sentencepiece itself gives them.
test('a SentencePiece tokenizer gives the ids that sentencepiece gives, and its texts back', async () => {
  const bytes = await readFile(new URL('../format/fixtures/sentencepiece.gguf', import.meta.url));
  const { metadata } = await openGguf(bytesAccess('sentencepiece.gguf', bytes));
  const tokenizer = new TextTokenizer(ggufTokenizer('sentencepiece.gguf', metadata));
  const texts = metadata.get('test.texts') as string[];
  expect(texts.length).toBeGreaterThan(5);
  for (const [k, text] of texts.entries()) {
    const ids = metadata.get(`test.ids.${k}`) as number[];
    expect(tokenizer.encodeText(text), text).toEqual(ids);
    expect(tokenizer.decode(ids)).toBe(text);
  }
  expect(tokenizer.beginIds).toEqual([1]);
});

test('a byte-level tokenizer merges in order, splits as its kind says and knows its special tokens', async () => {
  const letters = ['<s>', '<mine>', 'a', 'b', '1', '2', 'Ġ', 'ab', 'Ġab', '12'];
  const list = (pre: string) => ({
    'tokenizer.ggml.model': 'gpt2',
    'tokenizer.ggml.pre': pre,
    'tokenizer.ggml.tokens': letters,
    'tokenizer.ggml.token_type': [3, 4, 1, 1, 1, 1, 1, 1, 1, 1],
    'tokenizer.ggml.merges': ['a b', 'Ġ ab', '1 2'],
    'tokenizer.ggml.bos_token_id': 0,
  });
  const of = async (pre: string) => new TextTokenizer(ggufTokenizer('lm.gguf', (await opened(list(pre))).metadata));
  const [gpt2, smollm, llama3] = [await of('gpt-2'), await of('smollm'), await of('llama-bpe')];
  expect(gpt2.encodeText('ab ab12')).toEqual([7, 8, 9]);
  expect(smollm.encodeText('ab ab12')).toEqual([7, 8, 4, 5]); // every digit for itself
  expect(llama3.encodeText('ab ab12')).toEqual([7, 8, 9]);
  expect(gpt2.encodePrompt('<s>a<mine>b')).toEqual([0, 2, 1, 3]);
  expect([gpt2.beginIds, llama3.beginIds]).toEqual([[], [0]]); // as llama.cpp does it where the file is silent
});

test.each([
  ['an unknown split', { 'tokenizer.ggml.model': 'gpt2', 'tokenizer.ggml.pre': 'qwen2' }, '"qwen2"', 'unsupported'],
  ['an unknown model', { 'tokenizer.ggml.model': 't5' }, 'tokenizer.ggml.model is "t5"', 'unsupported'],
  ['missing scores', { 'tokenizer.ggml.model': 'llama' }, 'tokenizer.ggml.scores', 'bad-file'],
])('%s asks for --tokenizer', async (_, metadata, message, code) => {
  const { metadata: all } = await opened({ 'tokenizer.ggml.tokens': ['a', 'b'], ...metadata });
  const error = await Promise.resolve()
    .then(() => ggufTokenizer('lm.gguf', all))
    .catch((caught) => caught);
  expect(error).toMatchObject({
    code,
    message: expect.stringContaining(message),
    hint: expect.stringMatching('--tokenizer'),
  });
});
