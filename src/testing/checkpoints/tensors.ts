import { floatToHalf, halfToFloat } from '../../core/half';
import { uniform } from '../../reference/random';

export type StoredType = 'f32' | 'f16' | 'bf16';

/** A tensor of a checkpoint; its values are exactly what its stored type holds. */
export interface CheckpointTensor {
  shape: number[];
  values: Float32Array<ArrayBuffer>;
  type: StoredType;
}

/** Tensors by the names of their family. */
export type Tensors = Map<string, CheckpointTensor>;

/** What the package must hold, by canonical names: the references read it. */
export type Canonical = Map<string, Float64Array>;

/** Makes seeded tensors of one stored type; every call gives other values. */
export class TensorMaker {
  private count = 0;

  constructor(
    private readonly type: StoredType,
    private readonly seed: number,
  ) {}

  /** Rows whose products keep the size of their input. */
  matrix(rows: number, ...columns: number[]): CheckpointTensor {
    const spread = Math.sqrt(3 / columns.reduce((a, b) => a * b, 1));
    return this.make([rows, ...columns], -spread, spread);
  }

  vector(length: number, centre = 0): CheckpointTensor {
    return this.make([length], centre - 0.3, centre + 0.3);
  }

  make(shape: number[], low: number, high: number): CheckpointTensor {
    const length = shape.reduce((a, b) => a * b, 1);
    const values = uniform(length, low, high, this.seed * 1000 + this.count++).map((value) =>
      rounded(value, this.type),
    );
    return { shape, values, type: this.type };
  }
}

/** The nearest value of a stored type, ties to even. */
export function rounded(value: number, type: StoredType): number {
  if (type === 'f16') return halfToFloat(floatToHalf(value));
  return type === 'bf16' ? new Float32Array(Uint32Array.of(bfloatCode(value) << 16).buffer)[0] : value;
}

function bfloatCode(value: number): number {
  const [bits] = new Uint32Array(Float32Array.of(value).buffer);
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

const encoded = new WeakMap<CheckpointTensor, Uint8Array<ArrayBuffer>>();

/** Little-endian bytes of a tensor as its type is stored. Kept, because tests write the same tensors many times. */
export function storedBytes(tensor: CheckpointTensor): Uint8Array<ArrayBuffer> {
  const { values, type } = tensor;
  const words = () => Uint16Array.from(values, type === 'f16' ? floatToHalf : bfloatCode);
  const bytes = encoded.get(tensor) ?? new Uint8Array(type === 'f32' ? values.slice().buffer : words().buffer);
  encoded.set(tensor, bytes);
  return bytes;
}

/** Tensors under each other: rows of the first, then of the second. */
export function stacked(...parts: CheckpointTensor[]): CheckpointTensor {
  const rows = parts.reduce((sum, { shape }) => sum + shape[0], 0);
  const values = Float32Array.from(parts.flatMap((part) => [...part.values]));
  return { shape: [rows, ...parts[0].shape.slice(1)], values, type: parts[0].type };
}

/** Rows start..end. */
export function rowsOf({ shape, values, type }: CheckpointTensor, start: number, end: number): CheckpointTensor {
  const row = shape.slice(1).reduce((a, b) => a * b, 1);
  return { shape: [end - start, ...shape.slice(1)], values: values.slice(start * row, end * row), type };
}

export function exact({ values }: CheckpointTensor): Float64Array {
  return Float64Array.from(values);
}
