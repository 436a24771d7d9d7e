import * as v from 'valibot';
import { FlamingoError } from '../core/errors';
import type { RandomAccess } from './random-access';
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

/** Longest header that is read; the format's own reader has the same limit. */
const MAX_HEADER_BYTES = 100_000_000;

const TYPES: Record<string, SourceType> = {
  F64: 'f64',
  F32: 'f32',
  F16: 'f16',
  BF16: 'bf16',
  I64: 'i64',
  I32: 'i32',
  I16: 'i16',
  I8: 'i8',
  U8: 'u8',
  BOOL: 'bool',
};

const entry = v.object({
  dtype: v.string(),
  shape: v.array(v.number()),
  data_offsets: v.tuple([v.number(), v.number()]),
});

interface Located extends TensorInfo {
  readonly dtype: SourceType;
  readonly offset: number;
}

/**
 * A safetensors file. Checked before anything else is allocated: header length, JSON, names given twice, types, sizes, and that the tensors cover the data
 * without overlap or hole. Throws `bad-file` naming the file, the tensor and both numbers.
 */
export async function openSafetensors(access: RandomAccess): Promise<TensorSource> {
  const tensors = new Map((await readHeader(access)).map((info) => [info.name, info]));
  const source: TensorSource = {
    label: access.name,
    tensors,
    async read(name) {
      const { dtype, offset, bytes } = tensorOf(source, name) as Located;
      return decodeElements(dtype, await access.read(offset, bytes));
    },
    async readRows(name, start, end) {
      const info = tensorOf(source, name) as Located;
      const row = rowLength(info, start, end) * SOURCE_BYTES[info.dtype];
      return decodeElements(info.dtype, await access.read(info.offset + start * row, (end - start) * row));
    },
    [Symbol.asyncDispose]: () => access[Symbol.asyncDispose](),
  };
  return source;
}

async function readHeader(access: RandomAccess): Promise<Located[]> {
  const { name: file, size } = access;
  if (size < 8) throw damaged(file, `${size} bytes are too few; a header length of 8 bytes is expected`);
  const length = Number(new DataView((await access.read(0, 8)).buffer).getBigUint64(0, true));
  if (length > MAX_HEADER_BYTES || 8 + length > size) {
    throw damaged(
      file,
      `its header would have ${length} bytes, the file has ${size} (at most ${MAX_HEADER_BYTES} are read)`,
    );
  }
  const text = decodeText(file, await access.read(8, length));
  const located = parseHeader(file, text).map(([name, raw]) => locate(file, name, raw, 8 + length));
  checkLayout(file, located, 8 + length, size);
  return located;
}

function decodeText(file: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw damaged(file, 'its header is not UTF-8 text');
  }
}

/** Header entries in file order. */
function parseHeader(file: string, text: string): [string, unknown][] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw damaged(file, `its header is not JSON: ${(cause as Error).message}`);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw damaged(file, 'its header is not an object');
  checkNames(file, text);
  return Object.entries(parsed).filter(([name]) => name !== '__metadata__');
}

/** JSON.parse keeps the last of two equal names silently; here the second is an error. `text` is known to be sound JSON. */
function checkNames(file: string, text: string): void {
  const names = new Set<string>();
  let depth = 0;
  let last = '';
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]:]/g)) {
    if (token === '{' || token === '[') depth++;
    else if (token === '}' || token === ']') depth--;
    else if (token !== ':') last = token;
    else if (depth === 1) {
      const name: string = JSON.parse(last);
      if (names.has(name)) throw damaged(file, `tensor ${name} is there twice`);
      names.add(name);
    }
  }
}

function locate(file: string, name: string, raw: unknown, dataStart: number): Located {
  const result = v.safeParse(entry, raw);
  if (!result.success) throw damaged(file, `the entry of ${name} is malformed: ${result.issues[0].message}`);
  const { dtype, shape, data_offsets } = result.output;
  const type = TYPES[dtype];
  if (!type) throw damaged(file, `tensor ${name} has the unknown type ${dtype}`);
  const [start, end] = data_offsets;
  const bytes = elementCount(file, name, shape) * SOURCE_BYTES[type];
  if (!Number.isSafeInteger(start) || end - start !== bytes) {
    throw damaged(
      file,
      `tensor ${name} of shape [${shape.join(', ')}] ${dtype} needs ${bytes} bytes, its offsets give ${end - start}`,
    );
  }
  return { name, dtype: type, shape, bytes, file, offset: dataStart + start };
}

/** Tensors must follow each other without overlap or hole, from the header's end to the file's. */
function checkLayout(file: string, located: Located[], dataStart: number, size: number): void {
  let at = dataStart;
  for (const { name, offset, bytes } of [...located].sort((a, b) => a.offset - b.offset || a.bytes - b.bytes)) {
    if (offset < at) throw damaged(file, `tensor ${name} begins at byte ${offset}, inside the one that ends at ${at}`);
    if (offset > at) throw damaged(file, `bytes ${at} to ${offset} before tensor ${name} belong to nothing`);
    at = offset + bytes;
  }
  if (at !== size) throw damaged(file, `its tensors end at byte ${at}, the file has ${size}`);
}

function damaged(file: string, what: string): FlamingoError {
  return new FlamingoError('bad-file', `${file} is not a sound safetensors file: ${what}.`, {
    hint: 'Get the file again; compare its size and checksum with the source.',
    details: { file },
  });
}
