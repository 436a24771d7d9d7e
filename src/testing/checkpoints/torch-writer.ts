import { Uint8ArrayReader, Uint8ArrayWriter, ZipWriter } from '@zip.js/zip.js';
import { type StoredType, storedBytes, type Tensors } from './tensors';

const STORAGES: Record<StoredType, string> = { f32: 'FloatStorage', f16: 'HalfStorage', bf16: 'BFloat16Storage' };

/** Bytes of what `torch.save({wrapper: {name: tensor}})` writes: a zip of `data.pkl` and one stored entry per tensor; without wrapper the tensors are the root. */
export async function writeTorch(tensors: Tensors, wrapper?: string): Promise<Uint8Array> {
  const zip = new ZipWriter(new Uint8ArrayWriter(), { level: 0, useWebWorkers: false });
  const add = (path: string, bytes: Uint8Array) => zip.add(`archive/${path}`, new Uint8ArrayReader(bytes));
  await add('data.pkl', pickle(tensors, wrapper));
  await add('byteorder', new TextEncoder().encode('little'));
  for (const [key, tensor] of [...tensors.values()].entries()) await add(`data/${key}`, storedBytes(tensor));
  await add('version', new TextEncoder().encode('3\n'));
  return await zip.close();
}

/** A checkpoint that would run `os.system` if it were unpickled by Python. */
export async function writeHostileTorch(): Promise<Uint8Array> {
  const zip = new ZipWriter(new Uint8ArrayWriter(), { level: 0, useWebWorkers: false });
  const p = new Pickle();
  p.op(0x80, 2).name('os', 'system').text('touch /tmp/owned').op(0x85, 0x52, 0x2e);
  await zip.add('archive/data.pkl', new Uint8ArrayReader(p.bytes()));
  return await zip.close();
}

/** Opcodes of Python's pickletools, protocol 2. */
function pickle(tensors: Tensors, wrapper: string | undefined): Uint8Array {
  const p = new Pickle();
  p.op(0x80, 2);
  if (wrapper !== undefined) p.op(0x7d, 0x28).text('epoch').op(0x4b, 3).text(wrapper);
  p.op(0x7d, 0x28); // {, mark
  for (const [key, [name, { shape, values, type }]] of [...tensors].entries()) {
    p.text(name).name('torch._utils', '_rebuild_tensor_v2').op(0x28, 0x28);
    p.text('storage').name('torch', STORAGES[type]).text(String(key)).text('cpu').int(values.length).op(0x74, 0x51);
    p.int(0).ints(shape).ints(strides(shape)).op(0x89).name('collections', 'OrderedDict').op(0x29, 0x52, 0x74, 0x52);
  }
  p.op(0x75);
  if (wrapper !== undefined) p.op(0x75);
  return p.op(0x2e).bytes();
}

function strides(shape: number[]): number[] {
  return shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
}

class Pickle {
  private readonly parts: number[] = [];

  op(...codes: number[]): this {
    this.parts.push(...codes);
    return this;
  }

  text(value: string): this {
    const utf8 = new TextEncoder().encode(value);
    return this.op(0x58, ...new Uint8Array(Uint32Array.of(utf8.length).buffer), ...utf8);
  }

  name(module: string, name: string): this {
    return this.op(0x63, ...new TextEncoder().encode(`${module}\n${name}\n`));
  }

  int(value: number): this {
    return this.op(0x4a, ...new Uint8Array(Int32Array.of(value).buffer));
  }

  ints(values: number[]): this {
    this.op(0x28);
    for (const value of values) this.int(value);
    return this.op(0x74);
  }

  bytes(): Uint8Array {
    return Uint8Array.from(this.parts);
  }
}
