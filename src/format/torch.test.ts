import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { openFile } from './file-node';
import type { RandomAccess } from './random-access';
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
