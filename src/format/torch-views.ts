import { FlamingoError } from '../core/errors';
import { isKind, type PickleStorage, type PickleTensor, type PickleValue } from './pickle-values';
import { checkRange, type RandomAccess } from './random-access';
import {
  decodeElements,
  elementCount,
  rowLength,
  SOURCE_BYTES,
  type SourceType,
  type TensorInfo,
  type TensorSource,
  tensorOf,
} from './tensor-source';

export const STORAGE_TYPES: ReadonlyMap<string, SourceType> = new Map([
  ['torch.DoubleStorage', 'f64'],
  ['torch.FloatStorage', 'f32'],
  ['torch.HalfStorage', 'f16'],
  ['torch.BFloat16Storage', 'bf16'],
  ['torch.LongStorage', 'i64'],
  ['torch.IntStorage', 'i32'],
  ['torch.ShortStorage', 'i16'],
  ['torch.CharStorage', 'i8'],
  ['torch.ByteStorage', 'u8'],
  ['torch.BoolStorage', 'bool'],
]);

export interface TorchFile {
  /** Everything that is not a tensor, and PickleTensor where one is. */
  readonly root: PickleValue;
  /** Every tensor by its path: keys of nested dictionaries joined by '/': `model_state_dict/module.perceiver.latents`. */
  readonly source: TensorSource;
}

/** Where the bytes of a storage lie in the file. */
export interface StoredBytes {
  readonly start: number;
  readonly size: number;
}

/** A tensor that repeats stored elements (stride 0) may be this much larger than its storage: a small file must not ask for all memory. */
const MAX_REPEATED = 2 ** 24;

/** Largest numbers of containers and of plain values looked at in search of tensors: shared lists in lists would otherwise multiply without end. */
const MAX_CONTAINERS = 200_000;
const MAX_VALUES = 20_000_000;

interface Located extends TensorInfo {
  readonly dtype: SourceType;
  readonly tensor: PickleTensor;
  readonly data: number;
}

/**
 * The tensors of an unpickled checkpoint by their paths, each checked against the bytes of its storage. Types that are no numbers known here (quantised,
 * complex) are left out, as is everything below 8 levels. The attributes of a TorchScript module have their names in PyTorch, with points. Throws `bad-file`.
 */
export function torchSource(
  access: RandomAccess,
  root: PickleValue,
  place: (storage: PickleStorage) => StoredBytes | undefined,
  isScript = false,
): TensorSource {
  const tensors = new Map<string, Located>();
  for (const [name, tensor] of new Collector(access.name, isScript ? '.' : '/').collect(root, '', 0)) {
    const dtype = STORAGE_TYPES.get(tensor.storage.type);
    if (!dtype) continue;
    if (tensors.has(name)) throw damaged(access.name, `it has two tensors under the path ${name}`);
    tensors.set(name, locate(access.name, name, tensor, dtype, place(tensor.storage)));
  }
  const source: TensorSource = {
    label: access.name,
    tensors,
    isScript,
    async read(name) {
      const info = tensorOf(source, name) as Located;
      return await readView(access, info, 0, info.shape[0] ?? 1);
    },
    async readRows(name, start, end) {
      const info = tensorOf(source, name) as Located;
      rowLength(info, start, end);
      return await readView(access, info, start, end);
    },
    [Symbol.asyncDispose]: () => access[Symbol.asyncDispose](),
  };
  return source;
}

/** Rows start..end of a view. Contiguous rows are one read; others are gathered from the range they span. */
async function readView(
  access: RandomAccess,
  { dtype, shape, tensor, data }: Located,
  start: number,
  end: number,
): Promise<Float32Array<ArrayBuffer>> {
  const width = SOURCE_BYTES[dtype];
  const sizes = shape.length === 0 ? [] : [end - start, ...shape.slice(1)];
  const count = sizes.reduce((a, b) => a * b, 1);
  if (count === 0 || start === end) return new Float32Array(0);
  const at = data + (tensor.offset + start * (tensor.strides[0] ?? 0)) * width;
  if (isContiguous(shape, tensor.strides)) return decodeElements(dtype, await access.read(at, count * width));
  const span = sizes.reduce((sum, size, axis) => sum + (size - 1) * tensor.strides[axis], 1);
  return gather(decodeElements(dtype, await access.read(at, span * width)), sizes, tensor.strides, count);
}

function gather(values: Float32Array, sizes: readonly number[], strides: readonly number[], count: number) {
  const gathered = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    let at = 0;
    let rest = i;
    for (let axis = sizes.length - 1; axis >= 0; axis--) {
      at += (rest % sizes[axis]) * strides[axis];
      rest = Math.floor(rest / sizes[axis]);
    }
    gathered[i] = values[at];
  }
  return gathered;
}

function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis];
  }
  return true;
}

function locate(
  file: string,
  name: string,
  tensor: PickleTensor,
  dtype: SourceType,
  stored: StoredBytes | undefined,
): Located {
  const { storage, offset, shape, strides } = tensor;
  const width = SOURCE_BYTES[dtype];
  if (!stored) throw damaged(file, `the storage ${storage.key} of tensor ${name} is missing`);
  if (storage.elements * width !== stored.size) {
    const expected = `${storage.elements} elements of ${width} bytes`;
    throw damaged(file, `the storage ${storage.key} of tensor ${name} has ${stored.size} bytes, not ${expected}`);
  }
  const count = elementCount(file, name, shape);
  if (strides.length !== shape.length || strides.some((stride) => !Number.isSafeInteger(stride) || stride < 0)) {
    throw damaged(file, `tensor ${name} of shape [${shape}] has the strides [${strides}]`);
  }
  const reach = shape.reduce((sum, size, axis) => sum + (size - 1) * strides[axis], 1);
  const last = count === 0 ? offset : offset + reach;
  if (!Number.isSafeInteger(offset) || offset < 0 || last > storage.elements) {
    throw damaged(file, `tensor ${name} reaches element ${last} of a storage of ${storage.elements}`);
  }
  if (count > storage.elements + MAX_REPEATED) {
    throw damaged(file, `tensor ${name} repeats the ${storage.elements} elements of its storage to ${count}`);
  }
  return { name, dtype, shape, bytes: count * width, file, tensor, data: stored.start };
}

/** Finds tensors in nested dictionaries and lists. Shared and cyclic values are visited once per path. */
class Collector {
  private containers = 0;
  private values = 0;

  constructor(
    private readonly file: string,
    private readonly separator: string,
  ) {}

  *collect(value: PickleValue, path: string, depth: number): Generator<[string, PickleTensor]> {
    if (isKind(value, 'tensor')) yield [path, value];
    if (depth >= 8) return;
    const entries = value instanceof Map || Array.isArray(value) ? value.entries() : [];
    for (const [key, item] of entries) {
      if (++this.values > MAX_VALUES) throw damaged(this.file, `it holds more than ${MAX_VALUES} values`);
      // Only containers and tensors are worth a path; keys that are no texts or numbers have none.
      if (typeof item !== 'object' || item === null || typeof key === 'object') continue;
      if (++this.containers > MAX_CONTAINERS) {
        throw damaged(this.file, `it holds more than ${MAX_CONTAINERS} lists, dictionaries and tensors`);
      }
      yield* this.collect(item, path ? `${path}${this.separator}${String(key)}` : String(key), depth + 1);
    }
  }
}

/** Checks that a storage lies within the file. */
export function storedBytes(access: RandomAccess, start: number, size: number): StoredBytes {
  checkRange(access.name, start, size, access.size);
  return { start, size };
}

export function damaged(file: string, what: string): FlamingoError {
  return new FlamingoError('bad-file', `${file} is not a sound torch checkpoint: ${what}.`, {
    hint: 'Get the file again; compare its size and checksum with the source.',
    details: { file },
  });
}
