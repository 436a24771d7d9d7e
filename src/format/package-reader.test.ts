import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CONTENT, chosen, flipped, MANIFEST_TEXT, makeManifest, memoryCache, sums } from '../testing/small-package';
import { CHUNK_BYTES } from './manifest';
import { folderFiles } from './package-files-node';
import { openPackage } from './package-reader';

describe('a package', () => {
  it('hands on its files, and says how much has arrived', async () => {
    const source = await openPackage(chosen());
    const progress: [number, number][] = [];
    for (const [path, bytes] of CONTENT) {
      const got = await source.read(path, { onBytes: (...now) => progress.push(now) });
      expect(Buffer.compare(got, bytes), path).toBe(0);
    }
    const decoder = progress.filter(([, total]) => total === CHUNK_BYTES + 1000).map(([loaded]) => loaded);
    expect(decoder).toEqual([...decoder].sort((a, b) => a - b));
    expect(decoder.at(-1)).toBe(CHUNK_BYTES + 1000);
  });

  it('is the same from a folder', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'package-'));
    try {
      await writeFile(join(folder, 'model.json'), MANIFEST_TEXT);
      for (const [path, bytes] of CONTENT) await writeFile(join(folder, path), bytes);
      const source = await openPackage(folderFiles(folder));
      for (const [path, bytes] of CONTENT) expect(Buffer.compare(await source.read(path), bytes), path).toBe(0);
      await rm(join(folder, 'tokenizer.json'));
      await expect(source.read('tokenizer.json')).rejects.toMatchObject({ code: 'bad-file' });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('damage is named', () => {
  const second = CHUNK_BYTES + 3;
  const cases: [string, Parameters<typeof chosen>[0], string, RegExp][] = [
    [
      'a flipped byte',
      { 'decoder.onnx': flipped('decoder.onnx', 5) },
      'decoder.onnx',
      /decoder\.onnx, piece 1 of 2: sha256 is/,
    ],
    ['one in the second piece', { 'decoder.onnx': flipped('decoder.onnx', second) }, 'decoder.onnx', /piece 2 of 2/],
    ['a missing shard', { 'decoder.onnx': undefined }, 'decoder.onnx', /decoder\.onnx is missing/],
    [
      'a file cut short',
      { 'decoder.onnx': CONTENT.get('decoder.onnx')!.slice(0, -1) },
      'decoder.onnx',
      /has 16778215 bytes, 16778216 are/,
    ],
    ['a file cut to nothing', { 'tokenizer.json': '' }, 'tokenizer.json', /has 0 bytes, 8 are expected/],
    ['a longer file', { 'tokenizer.json': '{"a": 1}\n' }, 'tokenizer.json', /has more than 8 bytes, 8 are expected/],
    ['something in the empty file', { 'empty.bin': '?' }, 'empty.bin', /has 1 or more bytes, 0 are expected/],
    ['a file that is not listed', { 'other.bin': '?' }, 'other.bin', /does not list other\.bin/],
  ];
  it.each(cases)('%s', async (_, change, path, message) => {
    const source = await openPackage(chosen(change));
    await expect(source.read(path)).rejects.toMatchObject({
      code: 'bad-file',
      message: expect.stringMatching(message),
    });
  });

  it('a wrong sha256 in the manifest: both sums', async () => {
    const files = makeManifest().files.map((file) => ({ ...file, chunks: file.chunks.map(() => 'ab'.repeat(32)) }));
    const source = await openPackage(chosen({ 'model.json': JSON.stringify(makeManifest({ files })) }));
    await expect(source.read('tokenizer.json')).rejects.toMatchObject({
      code: 'bad-file',
      details: {
        file: 'tokenizer.json',
        chunk: 0,
        expected: 'ab'.repeat(32),
        got: sums(CONTENT.get('tokenizer.json')!)[0],
      },
    });
  });
});

describe('a cache', () => {
  it('spares the source what it knows', async () => {
    const { cache, pieces } = memoryCache();
    await (await openPackage(chosen(), { cache })).read('decoder.onnx');
    expect([...pieces.keys()]).toEqual(makeManifest().files[0].chunks);
    const source = await openPackage(chosen({ 'decoder.onnx': undefined }), { cache });
    expect(Buffer.compare(await source.read('decoder.onnx'), CONTENT.get('decoder.onnx')!)).toBe(0);
  });

  it('is not trusted', async () => {
    const { cache, pieces } = memoryCache();
    const [one, two] = makeManifest().files[0].chunks;
    await (await openPackage(chosen(), { cache })).read('decoder.onnx');
    pieces.get(two)![0] ^= 1;
    pieces.set(one, pieces.get(one)!.slice(1));
    const got = await (await openPackage(chosen(), { cache })).read('decoder.onnx');
    expect(Buffer.compare(got, CONTENT.get('decoder.onnx')!)).toBe(0);
  });

  it('keeps nothing that is damaged', async () => {
    const { cache, pieces } = memoryCache();
    const source = await openPackage(chosen({ 'decoder.onnx': flipped('decoder.onnx', CHUNK_BYTES) }), { cache });
    await expect(source.read('decoder.onnx')).rejects.toMatchObject({ code: 'bad-file' });
    expect([...pieces.keys()]).toEqual([makeManifest().files[0].chunks[0]]);
  });
});
