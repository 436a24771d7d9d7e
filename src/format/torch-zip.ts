import { type Entry, Reader, ZipReader } from '@zip.js/zip.js';
import { FlamingoError } from '../core/errors';
import { isKind, type PickleTensor, type PickleValue, readPickle } from './pickle';
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

const STORAGE_TYPES: Record<string, SourceType> = {
  'torch.DoubleStorage': 'f64',
  'torch.FloatStorage': 'f32',
  'torch.HalfStorage': 'f16',
  'torch.BFloat16Storage': 'bf16',
  'torch.LongStorage': 'i64',
  'torch.IntStorage': 'i32',
  'torch.ShortStorage': 'i16',
  'torch.CharStorage': 'i8',
  'torch.ByteStorage': 'u8',
  'torch.BoolStorage': 'bool',
};

/** Largest `data.pkl` that is read; published ones have a few MB. */
const MAX_PICKLE_BYTES = 256 * 1024 * 1024;

export interface TorchFile {
  /** Everything that is not a tensor, and PickleTensor where one is. */
  readonly root: PickleValue;
  /** Every tensor by its path: keys of nested dictionaries joined by '/': `model_state_dict/module.perceiver.latents`. */
  readonly source: TensorSource;
}

interface Located extends TensorInfo {
  readonly tensor: PickleTensor;
  /** Where the bytes of its storage begin in the file. */
  readonly data: number;
}

/**
 * A checkpoint as torch.save writes it: a zip (zip64 too) of one pickle and one stored entry per storage. Only the pickle is read at once;
 * tensors are read from where they lie, whatever their strides. Throws `bad-file`; `unsupported` for the format before torch 1.6.
 */
export async function openTorch(access: RandomAccess): Promise<TorchFile> {
  const entries = await readDirectory(access);
  const pickle = [...entries.keys()].find((path) => path.endsWith('/data.pkl') || path === 'data.pkl');
  if (!pickle) throw damaged(access.name, 'it holds no data.pkl');
  const folder = pickle.slice(0, -'data.pkl'.length);
  const { start, size } = entries.get(pickle)!;
  if (size > MAX_PICKLE_BYTES)
    throw damaged(access.name, `its data.pkl has ${size} bytes, at most ${MAX_PICKLE_BYTES} are read`);
  const root = readPickle(access.name, await access.read(start, size));
  const tensors = new Map<string, Located>();
  for (const [name, tensor] of collect(root, '')) tensors.set(name, locate(access.name, name, tensor, folder, entries));
  return { root, source: torchSource(access, tensors) };
}

function torchSource(access: RandomAccess, tensors: Map<string, Located>): TensorSource {
  const source: TensorSource = {
    label: access.name,
    tensors,
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
  info: Located,
  start: number,
  end: number,
): Promise<Float32Array<ArrayBuffer>> {
  const { dtype, shape, tensor, data } = info;
  const width = SOURCE_BYTES[dtype];
  const inner = shape.slice(1);
  const row = inner.reduce((a, b) => a * b, 1);
  const count = (end - start) * row;
  if (count === 0) return new Float32Array(0);
  const first = tensor.offset + start * (tensor.strides[0] ?? 0);
  if (isContiguous(shape, tensor.strides))
    return decodeElements(dtype, await access.read(data + first * width, count * width));
  const sizes = shape.length === 0 ? [] : [end - start, ...inner];
  const span = sizes.reduce((sum, size, axis) => sum + (size - 1) * tensor.strides[axis], 1);
  const values = decodeElements(dtype, await access.read(data + first * width, span * width));
  const gathered = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    let at = 0;
    let rest = i;
    for (let axis = sizes.length - 1; axis >= 0; axis--) {
      at += (rest % sizes[axis]) * tensor.strides[axis];
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
  folder: string,
  entries: Map<string, Stored>,
): Located {
  const { storage, offset, shape, strides } = tensor;
  const dtype = STORAGE_TYPES[storage.type];
  if (!dtype) throw damaged(file, `tensor ${name} lies in the unknown storage ${storage.type}`);
  const entry = entries.get(`${folder}data/${storage.key}`);
  if (!entry) throw damaged(file, `the storage ${storage.key} of tensor ${name} is missing`);
  const count = elementCount(file, name, shape);
  if (strides.length !== shape.length || strides.some((stride) => !Number.isSafeInteger(stride) || stride < 0)) {
    throw damaged(file, `tensor ${name} of shape [${shape}] has the strides [${strides}]`);
  }
  const last =
    count === 0 ? offset : offset + shape.reduce((sum, size, axis) => sum + (size - 1) * strides[axis], 0) + 1;
  const available = entry.size / SOURCE_BYTES[dtype];
  if (!Number.isSafeInteger(offset) || offset < 0 || last > available) {
    throw damaged(file, `tensor ${name} reaches element ${last} of a storage of ${available}`);
  }
  return { name, dtype, shape, bytes: count * SOURCE_BYTES[dtype], file, tensor, data: entry.start };
}

/** Tensors of nested dictionaries and lists with their paths. Shared and cyclic values are visited once per path, at most 8 deep. */
function* collect(value: PickleValue, path: string, depth = 0): Generator<[string, PickleTensor]> {
  if (isKind(value, 'tensor')) yield [path, value];
  if (depth > 8) return;
  const join = (key: PickleValue | number) => (path ? `${path}/${String(key)}` : String(key));
  if (value instanceof Map) for (const [key, item] of value) yield* collect(item, join(key), depth + 1);
  else if (Array.isArray(value)) for (const [i, item] of value.entries()) yield* collect(item, join(i), depth + 1);
}

interface Stored {
  start: number;
  size: number;
}

/** Name -> place of every entry. Entries must be stored: torch compresses nothing, and random access needs it. */
async function readDirectory(access: RandomAccess): Promise<Map<string, Stored>> {
  const { name: file, size } = access;
  const magic = size >= 4 ? new DataView((await access.read(0, 4)).buffer).getUint32(0, true) : 0;
  if (magic !== 0x04034b50) throw notZip(file, magic);
  const reader = new ZipReader(new AccessReader(access), { useWebWorkers: false });
  let listed: Entry[];
  try {
    listed = await reader.getEntries();
  } catch (cause) {
    throw damaged(file, `its zip directory cannot be read (${(cause as Error).message})`);
  }
  const entries = new Map<string, Stored>();
  for (const entry of listed) {
    if (entry.compressionMethod !== 0)
      throw damaged(file, `${entry.filename} is compressed; torch stores entries as they are`);
    entries.set(entry.filename, { start: await dataStart(access, entry.offset), size: entry.uncompressedSize });
    checkRange(file, entries.get(entry.filename)!.start, entry.uncompressedSize, size);
  }
  return entries;
}

/** The data begin after the local header, whose name and extra field may be longer than the directory's. */
async function dataStart(access: RandomAccess, offset: number): Promise<number> {
  const header = new DataView((await access.read(offset, 30)).buffer);
  if (header.getUint32(0, true) !== 0x04034b50) throw damaged(access.name, `there is no entry at byte ${offset}`);
  return offset + 30 + header.getUint16(26, true) + header.getUint16(28, true);
}

/** RandomAccess as zip.js reads it. */
class AccessReader extends Reader<void> {
  constructor(private readonly access: RandomAccess) {
    super();
    this.size = access.size;
  }

  override async readUint8Array(offset: number, length: number): Promise<Uint8Array> {
    return await this.access.read(offset, Math.min(length, this.access.size - offset));
  }
}

function notZip(file: string, magic: number): FlamingoError {
  const legacy = (magic & 0xff) === 0x80;
  const what = legacy
    ? 'was saved by torch before 1.6 (a bare pickle)'
    : 'is not a torch checkpoint (a zip archive is expected)';
  return new FlamingoError(legacy ? 'unsupported' : 'bad-file', `${file} ${what}.`, {
    hint: legacy
      ? 'Load it in PyTorch and save it again, or as safetensors.'
      : 'Check that the download is complete and the right file.',
    details: { file },
  });
}

function damaged(file: string, what: string): FlamingoError {
  return new FlamingoError('bad-file', `${file} is not a sound torch checkpoint: ${what}.`, {
    hint: 'Get the file again; compare its size and checksum with the source.',
    details: { file },
  });
}
