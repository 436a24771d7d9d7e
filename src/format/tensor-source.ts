import { FlamingoError } from '../core/errors';
import { bfloatsToFloats, halvesToFloats } from '../core/half';

/** Element types found in checkpoints. */
export type SourceType = 'f64' | 'f32' | 'f16' | 'bf16' | 'i64' | 'i32' | 'i16' | 'i8' | 'u8' | 'bool';

/** Types of quantised blocks, which only GGUF files hold; they are read as f32 like all others. */
export type BlockType = 'q4_0' | 'q4_1' | 'q5_0' | 'q5_1' | 'q8_0' | 'q4_k' | 'q5_k' | 'q6_k';

export const SOURCE_BYTES: Record<SourceType, number> = {
  f64: 8,
  f32: 4,
  f16: 2,
  bf16: 2,
  i64: 8,
  i32: 4,
  i16: 2,
  i8: 1,
  u8: 1,
  bool: 1,
};

export interface TensorInfo {
  readonly name: string;
  readonly dtype: SourceType | BlockType;
  readonly shape: readonly number[];
  readonly bytes: number;
  /** File that holds it, for messages. */
  readonly file: string;
}

/** Named tensors of a checkpoint, read when asked for. */
export interface TensorSource extends AsyncDisposable {
  /** Path or address, for messages. */
  readonly label: string;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** The file is a TorchScript archive: a compiled module, not a dictionary of tensors. */
  readonly isScript?: boolean;
  /** The whole tensor as f32, whatever its stored type. Throws `bad-file` for an unknown name. */
  read(name: string): Promise<Float32Array<ArrayBuffer>>;
  /** Rows start..end of the first axis as f32, so that a large tensor need not be in memory whole. */
  readRows(name: string, start: number, end: number): Promise<Float32Array<ArrayBuffer>>;
}

/** Little-endian elements of a stored type as f32. Aligned f32 bytes are not copied. */
export function decodeElements(dtype: SourceType, bytes: Uint8Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = bytes;
  const aligned = byteOffset % SOURCE_BYTES[dtype] === 0 ? buffer : new Uint8Array(bytes).buffer;
  const offset = aligned === buffer ? byteOffset : 0;
  const count = byteLength / SOURCE_BYTES[dtype];
  switch (dtype) {
    case 'f32':
      return new Float32Array(aligned, offset, count);
    case 'f16':
      return halvesToFloats(new Uint16Array(aligned, offset, count));
    case 'bf16':
      return bfloatsToFloats(new Uint16Array(aligned, offset, count));
    case 'f64':
      return Float32Array.from(new Float64Array(aligned, offset, count));
    case 'i64':
      return Float32Array.from(new BigInt64Array(aligned, offset, count), Number);
    case 'i32':
      return Float32Array.from(new Int32Array(aligned, offset, count));
    case 'i16':
      return Float32Array.from(new Int16Array(aligned, offset, count));
    case 'i8':
      return Float32Array.from(new Int8Array(aligned, offset, count));
    default:
      return Float32Array.from(new Uint8Array(aligned, offset, count));
  }
}

/** Elements of a shape. Throws `bad-file` when a dimension is negative, not whole, or the product is not exact in f64. */
export function elementCount(file: string, name: string, shape: readonly number[]): number {
  let count = 1;
  for (const size of shape) {
    count *= size;
    if (Number.isSafeInteger(size) && size >= 0 && Number.isSafeInteger(count)) continue;
    throw new FlamingoError('bad-file', `${file}: tensor ${name} has the impossible shape [${shape.join(', ')}].`, {
      hint: 'The file is damaged: get it again.',
      details: { file, name, shape },
    });
  }
  return count;
}

/** The named tensor. Throws `bad-file` with near names when it does not exist. */
export function tensorOf(source: TensorSource, name: string): TensorInfo {
  const info = source.tensors.get(name);
  if (info) return info;
  throw new FlamingoError('bad-file', `${source.label} has no tensor ${name}.`, {
    hint: 'The checkpoint is of another model or incomplete.',
    details: { name, tensors: source.tensors.size },
  });
}

/** Checks a row range of a tensor and returns the elements of one row. */
export function rowLength({ name, file, shape }: TensorInfo, start: number, end: number): number {
  const rows = shape[0] ?? 1;
  if (!(Number.isInteger(start) && Number.isInteger(end) && start >= 0 && start <= end && end <= rows)) {
    throw new FlamingoError('bad-file', `${file}: rows ${start} to ${end} of ${name} were asked for, it has ${rows}.`);
  }
  return shape.slice(1).reduce((a, b) => a * b, 1);
}

/** Several sources as one: shards of a checkpoint. A name that two shards hold is an error. */
export function joinSources(label: string, sources: readonly TensorSource[]): TensorSource {
  const owners = new Map<string, TensorSource>();
  const tensors = new Map<string, TensorInfo>();
  for (const source of sources) {
    for (const [name, info] of source.tensors) {
      const other = tensors.get(name);
      if (other) {
        throw new FlamingoError('bad-file', `${label}: ${name} is in ${other.file} and again in ${info.file}.`, {
          hint: 'Shards of different checkpoints were mixed: get them again.',
        });
      }
      owners.set(name, source);
      tensors.set(name, info);
    }
  }
  const owner = (name: string) => owners.get(name) ?? sources[0];
  return {
    label,
    tensors,
    read: (name) => owner(name).read(name),
    readRows: (name, start, end) => owner(name).readRows(name, start, end),
    async [Symbol.asyncDispose]() {
      for (const source of sources) await source[Symbol.asyncDispose]();
    },
  };
}
