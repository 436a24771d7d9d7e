import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Uint8ArrayReader, Uint8ArrayWriter, ZipWriter } from '@zip.js/zip.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isFlamingoError } from '../core/errors';
import { openFile } from './file-node';
import { bytesAccess, type RandomAccess } from './random-access';
import { openTorch } from './torch-zip';

const fixture = (name: string) => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));
const goldens = fileURLToPath(new URL('../../e2e/goldens/', import.meta.url));

/** 0, 1, …, count - 1 */
const range = (count: number) => Array.from({ length: count }, (_, i) => i);

/**
 * What the fixtures hold; both were written by torch 2.15: `torch.save(d, 'views.pt')`, and with `_use_new_zipfile_serialization=False`. `base` is
 * torch.arange(24.).reshape(4, 6); d = {epoch, args: Namespace, dtype, bytes, big: 2**70, model_state_dict, optimizer_state_dict}.
 */
const VIEWS: Record<string, [shape: number[], values: number[]]> = {
  whole: [[4, 6], range(24)],
  transposed: [[6, 4], range(24).map((i) => (i % 4) * 6 + Math.floor(i / 4))], // base.t()
  block: [
    [2, 3],
    [8, 9, 10, 14, 15, 16],
  ], // base[1:3, 2:5]
  steps: [
    [2, 2],
    [0, 3, 12, 15],
  ], // base[::2, ::3]
  permuted: [[5, 3, 4], range(60).map((i) => (i % 12) * 5 + Math.floor(i / 12))], // arange(60).reshape(3, 4, 5).permute(2, 0, 1)
  parameter: [
    [2, 2],
    [0, 1, 6, 7],
  ],
  scalar: [[], [7]],
  empty: [[0, 4], []],
  repeated: [
    [4, 3],
    [1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3],
  ], // tensor([1, 2, 3]).expand(4, 3)
  f64: [[4, 6], range(24).map((i) => Math.fround(Math.fround(i) / 7))],
  i64: [[5], [-2, -1, 0, 1, 2]],
  u8: [[4], [0, 1, 2, 3]],
  bool: [[2], [1, 0]],
};

/**
 * script.pt was written by torch 1.13: torch.jit.script of a module with `visual.proj`, a Linear of weight arange(6.).reshape(2, 3); `scale` 2.5; `steps`, which is
 * arange(8.).reshape(2, 4).half().t(); sizes: List[int] [224, 14]; and code that the archive holds compressed.
 */
it('reads the attributes of a TorchScript archive by their names in PyTorch', async () => {
  const { source, root } = await openTorch(await openFile(fixture('script.pt')));
  await using opened = source;
  expect(opened.isScript).toBe(true);
  expect([...opened.tensors.keys()].sort()).toEqual(['scale', 'steps', 'visual.proj.bias', 'visual.proj.weight']);
  expect([...(await opened.read('visual.proj.weight'))]).toEqual(range(6));
  expect([...(await opened.read('steps'))]).toEqual([0, 4, 1, 5, 2, 6, 3, 7]);
  expect([...(await opened.read('scale'))]).toEqual([2.5]);
  expect(root instanceof Map && root.get('sizes')).toEqual([224, 14]);
});

describe.each(['views.pt', 'views-legacy.pt'])('%s', (name) => {
  it.each(Object.entries(VIEWS))('%s', async (tensor, [shape, values]) => {
    await using source = (await openTorch(await openFile(fixture(name)))).source;
    const path = `model_state_dict/${tensor}`;
    expect(source.tensors.get(path)?.shape).toEqual(shape);
    expect([...(await source.read(path))]).toEqual(values);
    const rows = shape[0] ?? 1;
    const width = values.length / Math.max(rows, 1);
    for (let row = 0; row < rows; row++) {
      expect([...(await source.readRows(path, row, row + 1))]).toEqual(values.slice(row * width, (row + 1) * width));
    }
  });

  it('half precision', async () => {
    await using source = (await openTorch(await openFile(fixture(name)))).source;
    for (const [type, bits] of [
      ['f16', 11],
      ['bf16', 8],
    ] as const) {
      expect(source.tensors.get(`model_state_dict/${type}`)?.dtype).toBe(type);
      const values = await source.read(`model_state_dict/${type}`);
      for (const [i, value] of values.entries())
        expect(Math.abs(value - i / 7)).toBeLessThanOrEqual((i / 7) * 2 ** -bits);
    }
  });

  it('what stands around the weights', async () => {
    const { root, source } = await openTorch(await openFile(fixture(name)));
    await source[Symbol.asyncDispose]();
    const map = root as Map<string, unknown>;
    expect(map.get('epoch')).toBe(3);
    expect(map.get('args')).toEqual(new Map([['lr', 1e-4]]));
    expect(map.get('bytes')).toEqual(Uint8Array.of(255));
    expect(map.get('big')).toBe(2n ** 70n);
    expect(source.tensors.has('optimizer_state_dict/state/0/step')).toBe(true);
    expect(source.tensors.get('optimizer_state_dict/groups/0')?.shape).toEqual([6]);
  });
});

describe('checkpoints of the goldens', () => {
  it.each([1, 2, 3])('shard %d of otter-video', async (shard) => {
    const path = `otter-video/pytorch_model-0000${shard}-of-00003.bin`;
    await using source = (await openTorch(await openFile(goldens + path))).source;
    const { weight_map: map } = JSON.parse(readFileSync(`${goldens}otter-video/pytorch_model.bin.index.json`, 'utf8'));
    const listed = Object.keys(map).filter((name) => map[name] === path.split('/')[1]);
    expect([...source.tensors.keys()].sort()).toEqual(listed.sort());
  });

  it('is not read whole', async () => {
    await using file = await openFile(`${goldens}of-neox/checkpoint.pt`);
    let bytes = 0;
    const counting: RandomAccess = {
      ...file,
      read: (offset, length) => {
        bytes += length;
        return file.read(offset, length);
      },
    };
    const { source } = await openTorch(counting);
    const opened = bytes;
    expect(opened).toBeLessThan(file.size / 4);
    const info = [...source.tensors.values()].sort((a, b) => b.bytes - a.bytes)[0];
    await source.readRows(info.name, 0, 1);
    expect(bytes - opened).toBe(info.bytes / info.shape[0]);
  });
});

/** Opcodes of a pickle by hand: what torch would never write. */
const op = {
  text: (value: string) => [0x58, value.length, 0, 0, 0, ...Buffer.from(value)],
  global: (module: string, name: string) => [0x63, ...Buffer.from(`${module}\n${name}\n`)],
  stackGlobal: (module: string, name: string) => [...op.text(module), ...op.text(name), 0x93],
  number: (value: number) => [0x4a, ...new Uint8Array(Int32Array.of(value).buffer)],
  tuple: (...items: number[][]) => [0x28, ...items.flat(), 0x74],
  call: (target: number[], args: number[]) => [...target, ...args, 0x52],
  storage: (elements: number) => [
    ...op.tuple(
      op.text('storage'),
      op.global('torch', 'FloatStorage'),
      op.text('0'),
      op.text('cpu'),
      op.number(elements),
    ),
    0x51,
  ],
  tensor: (elements: number, offset: number, shape: number[], strides: number[]) =>
    op.call(
      op.global('torch._utils', '_rebuild_tensor_v2'),
      op.tuple(
        op.storage(elements),
        op.number(offset),
        op.tuple(...shape.map(op.number)),
        op.tuple(...strides.map(op.number)),
      ),
    ),
  /** {'w': value} */
  dictionary: (value: number[]) => [0x7d, ...op.text('w'), ...value, 0x73],
};

/** A checkpoint of one pickle and, as storage 0, six floats. */
async function checkpoint(pickle: number[], level = 0): Promise<RandomAccess> {
  const zip = new ZipWriter(new Uint8ArrayWriter(), { level, useWebWorkers: false });
  await zip.add('archive/data.pkl', new Uint8ArrayReader(Uint8Array.from([0x80, 2, ...pickle, 0x2e])));
  await zip.add('archive/data/0', new Uint8ArrayReader(new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6).buffer)));
  return bytesAccess('made.pt', await zip.close());
}

describe('what a checkpoint may not do', () => {
  it('reads what is made by hand, so that the refusals below mean something', async () => {
    const { source } = await openTorch(await checkpoint(op.dictionary(op.tensor(6, 1, [2, 2], [2, 1]))));
    expect(await source.read('w')).toEqual(Float32Array.of(2, 3, 4, 5));
  });

  const system = op.call(op.global('os', 'system'), op.tuple(op.text('echo')));
  const names: [string, number[], string][] = [
    ['called', op.dictionary(system), 'os.system'],
    ['only named', op.dictionary(op.global('os', 'system')), 'os.system'],
    ['in protocol 4', op.dictionary(op.stackGlobal('posix', 'system')), 'posix.system'],
    ['eval', op.call(op.global('builtins', 'eval'), op.tuple(op.text('1'))), 'builtins.eval'],
    ['getattr', op.global('__builtin__', 'getattr'), '__builtin__.getattr'],
    ['torch.load', op.global('torch', 'load'), 'torch.load'],
    ['a module', op.global('torch.nn.modules.linear', 'Linear'), 'torch.nn.modules.linear.Linear'],
    ['a prototype', op.stackGlobal('constructor', 'constructor'), 'constructor.constructor'],
  ];
  it.each(names)('%s', async (_, pickle, global) => {
    await expect(openTorch(await checkpoint(pickle))).rejects.toMatchObject({
      code: 'bad-file',
      message: expect.stringContaining(global),
      details: { file: 'made.pt', global },
    });
    const bare = bytesAccess('bare.pt', Uint8Array.from([0x80, 2, ...pickle, 0x2e]));
    await expect(openTorch(bare)).rejects.toMatchObject({ code: 'bad-file', details: { global } });
  });

  const nested = Array.from({ length: 100_000 }, () => 0x5d); // [[[…
  const bombs = [
    0x5d,
    0x71,
    0,
    ...Array.from({ length: 6 }, (_, k) => [
      0x5d,
      0x28,
      ...Array.from({ length: 40 }, () => [0x68, k]).flat(),
      0x65,
      0x71,
      k + 1,
    ]).flat(),
  ];
  const malformed: [string, number[], RegExp][] = [
    ['a call of a text', op.call(op.text('toString'), op.tuple()), /calls something that is not a name/],
    ['a call of a list in lists', [...nested, ...Array(99_999).fill(0x61), ...op.tuple(), 0x52], /not a name/],
    [
      'a tensor without a storage',
      op.call(op.global('torch._utils', '_rebuild_tensor_v2'), op.tuple()),
      /not called as torch calls it/,
    ],
    [
      'a tensor beyond its storage',
      op.dictionary(op.tensor(6, 3, [2, 2], [2, 1])),
      /tensor w reaches element 7 of a storage of 6/,
    ],
    [
      'a huge tensor over one element',
      op.dictionary(op.tensor(6, 0, [2 ** 30, 4], [0, 0])),
      /repeats the 6 elements .* to 4294967296/,
    ],
    ['an overflowing shape', op.dictionary(op.tensor(6, 0, [2 ** 30, 2 ** 30], [0, 0])), /impossible shape/],
    ['a negative stride', op.dictionary(op.tensor(6, 3, [2], [-1])), /has the strides \[-1\]/],
    ['a negative offset', op.dictionary(op.tensor(6, -1, [2], [1])), /reaches element/],
    ['strides of another rank', op.dictionary(op.tensor(6, 0, [2], [])), /has the strides \[\]/],
    ['a storage of another size', op.dictionary(op.tensor(7, 0, [2], [1])), /has 24 bytes, not 7 elements of 4/],
    ['lists in lists in lists', bombs, /more than 200000 lists/],
    ['an unknown operation', [0xff], /operation 0xff/],
    ['an empty stack', [], /stack runs empty/],
    ['a mark that is missing', [0x74], /a mark is missing/],
    ['an unknown memo', [0x68, 9], /recalls the unknown value 9/],
    ['a text beyond the end', [0x8d, 0, 0, 0, 0, 0, 0, 0, 0x7f], /bytes .* were asked for/],
  ];
  it.each(malformed)('%s', async (_, pickle, message) => {
    await expect(openTorch(await checkpoint(pickle))).rejects.toMatchObject({
      code: 'bad-file',
      message: expect.stringMatching(message),
    });
  });

  it('compressed entries', async () => {
    const access = await checkpoint(op.dictionary([...op.text('a'.repeat(200))]), 9);
    await expect(openTorch(access)).rejects.toThrow(/compressed/);
  });

  it.each([
    ['text', Buffer.from('version https://git-lfs.github.com/spec/v1\n')],
    ['nothing', Buffer.alloc(0)],
    ['a zip without a pickle', Buffer.from('504b0506000000000000000000000000000000000000', 'hex')],
  ])('%s', async (_, bytes) => {
    await expect(openTorch(bytesAccess('x.pt', bytes))).rejects.toMatchObject({ code: 'bad-file' });
  });

  it.each(['views.pt', 'views-legacy.pt'])('damage anywhere in %s gives bad-file or a sound file', async (name) => {
    const original = new Uint8Array(readFileSync(fixture(name)));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(original.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 }),
        fc.option(fc.nat(original.length), { freq: 4 }),
        async (changes, cut) => {
          const copy = original.slice(0, cut ?? original.length);
          for (const [at, value] of changes) if (at < copy.length) copy[at] = value;
          try {
            const { source } = await openTorch(bytesAccess('x.pt', copy));
            for (const tensor of source.tensors.keys()) await source.read(tensor);
          } catch (error) {
            expect(isFlamingoError(error) && ['bad-file', 'unsupported'].includes(error.code), String(error)).toBe(
              true,
            );
          }
        },
      ),
      { numRuns: 400 },
    );
  });
});
