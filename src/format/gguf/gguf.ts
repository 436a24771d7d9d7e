import { FlamingoError } from '../../core/errors';
import type { RandomAccess } from '../random-access';
import {
  decodeElements,
  elementCount,
  rowLength,
  type SourceType,
  type TensorInfo,
  type TensorSource,
  tensorOf,
} from '../tensor-source';
import { GGUF_TYPES, type GgufType, OTHER_TYPES } from './block-types';
import { HeaderReader, type MetadataValue } from './header-reader';

/** A GGUF file: what it says of itself, and its tensors, dequantised as they are read. */
export interface GgufFile {
  metadata: ReadonlyMap<string, MetadataValue>;
  source: TensorSource;
}

/** What a tensor's and a key's entries take at least. */
const TENSOR_BYTES = 24;
const KEY_BYTES = 13;
const MAX_DIMENSIONS = 4;

interface Located extends TensorInfo {
  readonly type: GgufType;
  readonly offset: number;
}

/**
 * Opens a GGUF file of version 2 or 3, little-endian. Every count and length is compared with the file's size before anything is allocated. Throws `bad-file`
 * naming the file, the tensor or key and both numbers, and `unsupported` for types that are not read. Source: ggml docs/gguf.md.
 */
export async function openGguf(access: RandomAccess): Promise<GgufFile> {
  const { name: file, size } = access;
  const reader = new HeaderReader(access);
  if ((await reader.u32()) !== 0x46554747) throw reader.damaged('it does not begin with GGUF');
  const version = await reader.u32();
  if (version !== 2 && version !== 3) {
    throw new FlamingoError('unsupported', `${file} is GGUF version ${version}; versions 2 and 3 are read.`, {
      hint: 'Convert it again with a current llama.cpp; files of big-endian machines are not read.',
      details: { file, version },
    });
  }
  const count = await reader.u64();
  const keys = await reader.u64();
  if (count > size / TENSOR_BYTES || keys > size / KEY_BYTES) {
    throw reader.damaged(`it would have ${count} tensors and ${keys} keys in ${size} bytes`);
  }
  const metadata = await reader.metadata(keys);
  const entries: Entry[] = [];
  for (let i = 0; i < count; i++) entries.push(await readEntry(reader));
  const alignment = alignmentOf(reader, metadata);
  const start = Math.ceil(reader.position / alignment) * alignment;
  const tensors = new Map<string, Located>();
  for (const entry of entries) {
    if (tensors.has(entry.name)) throw reader.damaged(`tensor ${entry.name} is there twice`);
    tensors.set(entry.name, locate(file, size, start, alignment, entry));
  }
  checkOverlap(reader, [...tensors.values()]);
  return { metadata, source: tensorSource(access, tensors) };
}

interface Entry {
  name: string;
  shape: number[];
  type: number;
  offset: number;
}

async function readEntry(reader: HeaderReader): Promise<Entry> {
  const name = await reader.text();
  const dimensions = await reader.u32();
  if (dimensions > MAX_DIMENSIONS) throw reader.damaged(`tensor ${name} has ${dimensions} dimensions`);
  const shape: number[] = [];
  for (let i = 0; i < dimensions; i++) shape.unshift(await reader.u64()); // the file begins with the innermost
  return { name, shape, type: await reader.u32(), offset: await reader.u64() };
}

function alignmentOf(reader: HeaderReader, metadata: ReadonlyMap<string, MetadataValue>): number {
  const alignment = metadata.get('general.alignment') ?? 32;
  if (typeof alignment === 'number' && alignment >= 1 && Number.isInteger(Math.log2(alignment))) return alignment;
  throw reader.damaged(`general.alignment is ${String(alignment)}, a power of two is expected`);
}

function locate(file: string, size: number, start: number, alignment: number, entry: Entry): Located {
  const { name, shape, type: number } = entry;
  const type = GGUF_TYPES.get(number);
  const damaged = (what: string) =>
    new FlamingoError('bad-file', `${file}: tensor ${name} ${what}.`, {
      hint: 'The file is cut short or damaged: get it again.',
      details: { file, name, shape, type: number },
    });
  if (!type) {
    const known = [...GGUF_TYPES.values()].map(({ dtype }) => dtype.toUpperCase());
    const what = OTHER_TYPES.get(number) ?? `number ${number}`;
    throw new FlamingoError('unsupported', `${file}: tensor ${name} is of type ${what}, which is not read.`, {
      hint: `Give a file of the types ${known.join(', ')}.`,
      details: { file, name, type: number },
    });
  }
  const elements = elementCount(file, name, shape);
  const columns = shape.at(-1) ?? 1;
  if (columns % type.block !== 0 || (type.block > 1 && shape.length < 2)) {
    throw damaged(`has rows of ${columns} values, ${type.dtype} needs whole blocks of ${type.block}`);
  }
  const bytes = (elements / type.block) * type.bytes;
  const offset = start + entry.offset;
  if (!Number.isSafeInteger(offset) || offset + bytes > size) {
    throw damaged(`would end at byte ${offset + bytes}, the file has ${size}`);
  }
  if (entry.offset % alignment !== 0) throw damaged(`begins at ${entry.offset}, which is no multiple of ${alignment}`);
  return { name, dtype: type.dtype, shape, bytes, file, type, offset };
}

function checkOverlap(reader: HeaderReader, tensors: Located[]): void {
  let end = 0;
  for (const { name, offset, bytes } of tensors.sort((a, b) => a.offset - b.offset || a.bytes - b.bytes)) {
    if (offset < end)
      throw reader.damaged(`tensor ${name} begins at byte ${offset}, inside the one that ends at ${end}`);
    end = offset + bytes;
  }
}

function tensorSource(access: RandomAccess, tensors: ReadonlyMap<string, Located>): TensorSource {
  const source: TensorSource = {
    label: access.name,
    tensors,
    read: (name) => source.readRows(name, 0, tensorOf(source, name).shape[0] ?? 1),
    async readRows(name, start, end) {
      const info = tensorOf(source, name) as Located;
      const row = (rowLength(info, start, end) / info.type.block) * info.type.bytes;
      return decode(info.type, await access.read(info.offset + start * row, (end - start) * row));
    },
    [Symbol.asyncDispose]: () => access[Symbol.asyncDispose](),
  };
  return source;
}

function decode({ dtype, block, bytes, read }: GgufType, data: Uint8Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  if (!read) return decodeElements(dtype as SourceType, data);
  const blocks = data.byteLength / bytes;
  const values = new Float32Array(blocks * block);
  for (let i = 0; i < blocks; i++) read(data, i * bytes, values, i * block);
  return values;
}
