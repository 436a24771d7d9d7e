import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { bytesAccess } from '../random-access';
import { openGguf } from './gguf';

// src/format/fixtures/types.gguf was written by gguf-py 0.19: a tensor of each type, and beside it the values that gguf-py makes of it.
const FIXTURE = new URL('../fixtures/types.gguf', import.meta.url);
const TYPES = ['f32', 'f16', 'bf16', 'q4_0', 'q4_1', 'q5_0', 'q5_1', 'q8_0', 'q4_k', 'q5_k', 'q6_k'];
const open = async (change: (bytes: Buffer) => Buffer | undefined = (bytes) => bytes) => {
  const bytes = await readFile(FIXTURE);
  return await openGguf(bytesAccess('types.gguf', change(bytes) ?? bytes));
};

test('metadata of every kind', async () => {
  const { metadata } = await open();
  expect(metadata.get('general.architecture')).toBe('llama');
  expect(metadata.get('test.texts')).toEqual(['a', 'ü', '']);
  expect(metadata.get('test.numbers')).toEqual([-1, 2, 3]);
  expect(metadata.get('test.f64')).toBe(0.1);
  expect(metadata.get('test.bool')).toBe(true);
  expect(metadata.get('test.u64')).toBe(2 ** 40);
});

test.each(TYPES)('%s is what gguf-py makes of it, whole and by rows', async (type) => {
  const { source } = await open();
  expect(source.tensors.get(type)).toMatchObject({ dtype: type, shape: [2, 512] });
  const [values, expected] = [await source.read(type), await source.read(`${type}.expected`)];
  let worst = 0;
  for (let i = 0; i < expected.length; i++) worst = Math.max(worst, Math.abs(values[i] - expected[i]));
  expect(values.length).toBe(1024);
  const largest = expected.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  expect(worst).toBeLessThanOrEqual(largest * 1e-6); // two roundings of f32
  expect(await source.readRows(type, 1, 2)).toEqual(values.subarray(512));
});

/** Writes a little-endian number where a text ends. */
function after(bytes: Buffer, text: string, skip: number, value: bigint, size: 4 | 8): Buffer {
  const at = bytes.indexOf(text) + text.length + skip;
  if (size === 4) bytes.writeUInt32LE(Number(value), at);
  else bytes.writeBigUInt64LE(value, at);
  return bytes;
}
const HUGE = 2n ** 60n;

const DAMAGED: [string, (bytes: Buffer) => Buffer, ...(string | RegExp)[]][] = [
  ['another file', (bytes) => bytes.fill('x', 0, 4), 'does not begin with GGUF'],
  ['a file cut in its header', (bytes) => bytes.subarray(0, 200), '200 bytes'],
  ['a file cut in its data', (bytes) => bytes.subarray(0, -1), 'would end at byte', 'the file has'],
  ['more tensors than bytes', (bytes) => after(bytes, 'GGUF', 4, HUGE, 8), /would have 1152\d+ tensors/, '60544 bytes'],
  ['more keys than bytes', (bytes) => after(bytes, 'GGUF', 12, HUGE, 8), /1152\d+ keys/, '60544 bytes'],
  ['a text longer than the file', (bytes) => after(bytes, 'general.architecture', 4, HUGE, 8), 'a text would have'],
  [
    'a list longer than the file',
    (bytes) => after(bytes, 'test.texts', 8, HUGE, 8),
    'test.texts would have',
    'entries',
  ],
  ['a list of lists', (bytes) => after(bytes, 'test.numbers', 4, 9n, 4), 'test.numbers is a list of lists'],
  ['an unknown type of value', (bytes) => after(bytes, 'test.bool', 0, 99n, 4), 'test.bool has the unknown type 99'],
  ['an impossible shape', (bytes) => after(bytes, 'q4_0.expected', 4, HUGE, 8), 'q4_0.expected', 'impossible shape'],
  ['too many dimensions', (bytes) => after(bytes, 'q4_0.expected', 0, 9n, 4), 'q4_0.expected has 9 dimensions'],
  ['half a block', (bytes) => after(bytes, 'q8_0', 4, 511n, 8), 'rows of 511 values', 'whole blocks of 32'],
  ['a tensor inside another', (bytes) => after(bytes, 'f32.expected', 24, 0n, 8), 'inside the one that ends'],
];
test.each(DAMAGED)('%s is refused before anything is allocated', async (_, damage, ...expected) => {
  const error = await open(damage).catch((caught) => caught);
  expect(error).toMatchObject({ code: 'bad-file', hint: expect.stringMatching(/./) });
  expect(error.message).toContain('types.gguf');
  for (const part of expected) expect(error.message).toMatch(part);
});

test.each([
  ['version 1', (bytes: Buffer) => after(bytes, 'GGUF', 0, 1n, 4), 'GGUF version 1'],
  [
    'a type that is not read',
    (bytes: Buffer) => after(bytes, 'q5_0.expected', 20, 10n, 4),
    'q5_0.expected is of type Q2_K',
  ],
] as const)('%s is refused by name', async (_, change, expected) => {
  await expect(open(change)).rejects.toMatchObject({ code: 'unsupported', message: expect.stringContaining(expected) });
});
