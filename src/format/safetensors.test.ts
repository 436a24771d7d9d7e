import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isFlamingoError } from '../core/errors';
import { halfToFloat } from '../core/half';
import { openFile } from './file-node';
import { blobAccess, bytesAccess, type RandomAccess } from './random-access';
import { openSafetensors } from './safetensors';
import { writeSafetensors } from './safetensors-writer';
import { openShards } from './shards';

const goldens = fileURLToPath(new URL('../../e2e/goldens/', import.meta.url));
const text = (path: string) => readFileSync(goldens + path, 'utf8');

/** A file of the given header and `data` bytes 0, 1, 2, … */
function file(header: string, data: number): Uint8Array {
  const json = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + json.length + data);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  for (let i = 0; i < data; i++) bytes[8 + json.length + i] = i;
  return bytes;
}
const entry = (dtype: string, shape: number[], start: number, end: number) =>
  JSON.stringify({ dtype, shape, data_offsets: [start, end] });
const open = (header: string, data: number) => openSafetensors(bytesAccess('x.safetensors', file(header, data)));

describe('sound files', () => {
  const types: [string, number, (view: DataView, at: number) => number][] = [
    ['U8', 1, (view, at) => view.getUint8(at)],
    ['I8', 1, (view, at) => view.getInt8(at)],
    ['BOOL', 1, (view, at) => view.getUint8(at)],
    ['I16', 2, (view, at) => view.getInt16(at, true)],
    ['F16', 2, (view, at) => halfToFloat(view.getUint16(at, true))],
    ['BF16', 2, (view, at) => new Float32Array(Uint32Array.of(view.getUint16(at, true) << 16).buffer)[0]],
    ['I32', 4, (view, at) => view.getInt32(at, true)],
    ['F32', 4, (view, at) => view.getFloat32(at, true)],
    ['F64', 8, (view, at) => view.getFloat64(at, true)],
    ['I64', 8, (view, at) => Number(view.getBigInt64(at, true))],
  ];
  it.each(types)('%s', async (dtype, width, get) => {
    const source = await open(`{"a": ${entry(dtype, [3], 0, 3 * width)}}`, 3 * width);
    expect(source.tensors.get('a')).toMatchObject({ dtype: dtype.toLowerCase(), shape: [3], bytes: 3 * width });
    const view = new DataView(Uint8Array.from({ length: 3 * width }, (_, i) => i).buffer);
    expect(await source.read('a')).toEqual(Float32Array.from([0, 1, 2], (i) => get(view, i * width)));
    expect(await source.readRows('a', 1, 2)).toEqual(Float32Array.of(get(view, width)));
  });

  it('empty and scalar tensors, metadata, any order of entries', async () => {
    const header = `{"__metadata__":{"data_offsets":"x"},"b":${entry('F32', [], 4, 8)},"e":${entry('F32', [0, 3], 4, 4)},"a":${entry('F32', [1], 0, 4)}}`;
    const source = await open(header, 8);
    expect([...source.tensors.keys()].sort()).toEqual(['a', 'b', 'e']);
    expect(await source.read('e')).toHaveLength(0);
    expect(await source.read('b')).toHaveLength(1);
    expect(await source.readRows('b', 0, 1)).toHaveLength(1);
  });

  it('reads a Buffer in the middle of another, and a Blob', async () => {
    const bytes = writeSafetensors([{ name: 'a', shape: [2, 2], values: Float32Array.of(1, 2, 3, 4) }]);
    const shifted = Buffer.concat([Buffer.from([0]), bytes]).subarray(1);
    for (const access of [bytesAccess('a', shifted), blobAccess('a', new Blob([bytes]))]) {
      expect(await (await openSafetensors(access)).readRows('a', 1, 2)).toEqual(Float32Array.of(3, 4));
    }
  });

  it('writes what it reads, the same bytes each time', async () => {
    const tensors = [
      { name: 'caption/input_ids', shape: [3], values: Int32Array.of(1, -2, 3) },
      { name: '10', shape: [2, 1], values: Float32Array.of(0.5, Number.NaN) },
      { name: '2', shape: [0], values: new Float32Array(0) },
    ];
    const bytes = writeSafetensors(tensors);
    expect(writeSafetensors(tensors)).toEqual(bytes);
    const source = await openSafetensors(bytesAccess('written', bytes));
    for (const { name, shape, values } of tensors) {
      expect(source.tensors.get(name)?.shape).toEqual(shape);
      expect(await source.read(name)).toEqual(Float32Array.from(values));
    }
    expect(() => writeSafetensors([tensors[0], tensors[0]])).toThrow(/twice/);
  });
});

describe('bad files are refused by name and number', () => {
  const a = entry('F32', [2], 0, 8);
  const cases: [string, string, number, RegExp][] = [
    ['overlapping offsets', `{"a":${a},"b":${entry('F32', [2], 4, 12)}}`, 12, /tensor b begins at byte \d+, inside/],
    ['two names for one range', `{"a":${a},"b":${a}}`, 8, /tensor b begins/],
    ['a hole', `{"a":${a},"b":${entry('F32', [1], 12, 16)}}`, 16, /before tensor b belong to nothing/],
    ['bytes behind the last tensor', `{"a":${a}}`, 9, /tensors end at byte \d+, the file has \d+/],
    ['a tensor beyond the end', `{"a":${a}}`, 7, /tensors end at byte \d+, the file has \d+/],
    ['a name twice', `{"a":${a},"a":${a}}`, 8, /tensor a is there twice/],
    ['a name twice, once escaped', `{"a":${a},"\\u0061":${a}}`, 8, /tensor a is there twice/],
    [
      'too few bytes for the shape',
      `{"a":${entry('F32', [3], 0, 8)}}`,
      8,
      /\[3\] F32 needs 12 bytes, its offsets give 8/,
    ],
    ['an overflowing shape', `{"a":${entry('F32', [2 ** 40, 2 ** 40], 0, 8)}}`, 8, /impossible shape/],
    ['a negative dimension', `{"a":${entry('F32', [-1, -2], 0, 8)}}`, 8, /impossible shape/],
    ['a broken dimension', `{"a":${entry('F32', [0.5, 4], 0, 8)}}`, 8, /impossible shape/],
    ['negative offsets', `{"a":${entry('F32', [2], -8, 0)}}`, 8, /tensor a begins at byte/],
    ['an unknown type', `{"a":${entry('F8_E4M3', [8], 0, 8)}}`, 8, /unknown type F8_E4M3/],
    ['a prototype for a type', `{"a":${entry('constructor', [8], 0, 8)}}`, 8, /tensor a/],
    ['an entry without offsets', '{"a":{"dtype":"F32","shape":[2]}}', 8, /entry of a is malformed/],
    ['a header that is a list', '[]', 0, /not an object/],
    ['a header that is no JSON', '{"a":', 0, /not JSON/],
  ];
  it.each(cases)('%s', async (_, header, data, message) => {
    const error = await open(header, data).catch((error) => error);
    expect(error).toMatchObject({ code: 'bad-file', message: expect.stringMatching(message) });
    expect(error.message).toMatch(/^x\.safetensors/);
  });

  it.each([0, 7, 8])('a file of %d bytes', async (size) => {
    const bytes = new Uint8Array(size).fill(255);
    await expect(openSafetensors(bytesAccess('x', bytes))).rejects.toMatchObject({ code: 'bad-file' });
  });

  it('a header longer than the file is not read', async () => {
    const asked: number[] = [];
    const access: RandomAccess = {
      name: 'x',
      size: 2 ** 50,
      read: async (_, length) => {
        asked.push(length);
        return new Uint8Array(length).fill(length === 8 ? 0x7f : 0);
      },
      async [Symbol.asyncDispose]() {},
    };
    await expect(openSafetensors(access)).rejects.toThrow(/at most 100000000 are read/);
    expect(asked).toEqual([8]);
  });

  it('unknown tensors and rows', async () => {
    const source = await open(`{"a":${a}}`, 8);
    await expect(source.read('b')).rejects.toMatchObject({ code: 'bad-file' });
    await expect(source.readRows('a', 1, 3)).rejects.toMatchObject({ code: 'bad-file' });
  });

  it('damage anywhere gives bad-file or a sound file', async () => {
    const original = new Uint8Array(readFileSync(`${goldens}of-opt/clip/open_clip_model.safetensors`)).slice();
    const header = 8 + Number(new DataView(original.buffer).getBigUint64(0, true));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(header), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.option(fc.nat(original.length)),
        async (changes, cut) => {
          const copy = original.slice(0, cut ?? original.length);
          for (const [at, value] of changes) if (at < copy.length) copy[at] = value;
          try {
            const source = await openSafetensors(bytesAccess('x', copy));
            for (const name of source.tensors.keys()) await source.read(name);
          } catch (error) {
            expect(isFlamingoError(error) && error.code).toBe('bad-file');
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('shards', () => {
  const index = 'of-mpt7b/lm/model.safetensors.index.json';
  const openShard = async (name: string) => openSafetensors(await openFile(`${goldens}of-mpt7b/lm/${name}`));

  it('are read as one', async () => {
    await using source = await openShards(index, text(index), openShard);
    const { weight_map: map } = JSON.parse(text(index));
    expect([...source.tensors.keys()].sort()).toEqual(Object.keys(map).sort());
    const [name, shard] = Object.entries<string>(map).at(-1)!;
    await using alone = await openShard(shard);
    expect(await source.read(name)).toEqual(await alone.read(name));
  });

  it('of which one is missing', async () => {
    const lost = text(index).replaceAll('00002-of-00002', '00003-of-00002');
    await expect(openShards(index, lost, openShard)).rejects.toMatchObject({ code: 'not-found' });
  });

  it.each([
    ['a tensor in another shard', JSON.stringify({ weight_map: { nothing: 'model-00001-of-00002.safetensors' } })],
    ['a path out of the folder', JSON.stringify({ weight_map: { a: '../lm/model-00001-of-00002.safetensors' } })],
    ['no map', '{}'],
    ['an empty map', '{"weight_map":{}}'],
    ['no JSON', '<html>'],
  ])('%s', async (_, json) => {
    await expect(openShards('index', json, openShard)).rejects.toMatchObject({ code: 'bad-file' });
  });
});
