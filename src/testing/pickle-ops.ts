import { Uint8ArrayReader, Uint8ArrayWriter, ZipWriter } from '@zip.js/zip.js';
import { bytesAccess, type RandomAccess } from '../format/random-access';

/** Opcodes of a pickle by hand: what torch would never write. */
export const op = {
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
export async function pickled(pickle: number[], level = 0): Promise<RandomAccess> {
  const zip = new ZipWriter(new Uint8ArrayWriter(), { level, useWebWorkers: false });
  await zip.add('archive/data.pkl', new Uint8ArrayReader(Uint8Array.from([0x80, 2, ...pickle, 0x2e])));
  await zip.add('archive/data/0', new Uint8ArrayReader(new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6).buffer)));
  return bytesAccess('made.pt', await zip.close());
}
