import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isFlamingoError } from '../core/errors';
import { op, pickled } from '../testing/pickle-ops';
import { bytesAccess } from './random-access';
import { openTorch } from './torch-zip';

const fixture = (name: string) => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));

describe('what a checkpoint may not do', () => {
  it('reads what is made by hand, so that the refusals below mean something', async () => {
    const { source } = await openTorch(await pickled(op.dictionary(op.tensor(6, 1, [2, 2], [2, 1]))));
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
    await expect(openTorch(await pickled(pickle))).rejects.toMatchObject({
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
    await expect(openTorch(await pickled(pickle))).rejects.toMatchObject({
      code: 'bad-file',
      message: expect.stringMatching(message),
    });
  });

  it('compressed entries', async () => {
    const access = await pickled(op.dictionary([...op.text('a'.repeat(200))]), 9);
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
