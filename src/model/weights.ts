import { concatFloats } from '../core/concat';
import { paddedColumns, type WeightType } from '../core/dtypes';
import { FlamingoError } from '../core/errors';
import type { NormConfig } from '../format/config';
import { scaleName, type TensorSpec } from '../format/tensor-names';
import type { GpuDevice } from '../gpu/device';
import type { LedgerBuffer } from '../gpu/ledger';

/** Bytes of initializers by canonical name, as a package stores them. */
export interface WeightReader {
  read(name: string): Promise<Uint8Array>;
}

/** A matrix [outputs, columns] on the GPU. `scale` is a dummy for f32 and f16. */
export interface Matrix {
  weight: LedgerBuffer;
  scale: LedgerBuffer;
  type: WeightType;
  outputs: number;
  columns: number;
}

/** A norm as the kernels read it: weight, then bias where the norm has one. */
export interface Norm {
  packed: LedgerBuffer;
  config: NormConfig;
  width: number;
}

/**
 * The weights of one package on one device. Buffers are made at once, so that recordings and pipelines can be prepared while the
 * bytes are still on their way; `load` fills them. Several small tensors share a buffer where a kernel reads them together: a norm's weight and
 * bias, and the four vectors of a block's query and key norms.
 */
export class Weights implements Disposable {
  private readonly buffers = new Map<string, LedgerBuffer>();
  /** Gates after tanh, as the checkpoint has them, and the factor that they are on the GPU with. */
  private readonly gates = new Map<string, Float32Array>();
  private gateFactor = 1;
  private readonly specs: ReadonlyMap<string, TensorSpec>;
  /** Bound where a kernel has a binding that this model does not use. */
  readonly none: LedgerBuffer;

  constructor(
    private readonly gpu: GpuDevice,
    specs: readonly TensorSpec[],
    readonly type: WeightType,
  ) {
    this.specs = new Map(specs.map((spec) => [spec.name, spec]));
    this.none = gpu.ledger.allocate('unused binding', 256, 'weights', USAGE());
    for (const [name, parts] of this.vectorGroups()) {
      this.allocate(name, parts.reduce((sum, part) => sum + elements(this.spec(part)), 0) * 4);
    }
    for (const spec of this.matrices()) {
      const { codes, scales } = matrixSizes(spec, type);
      this.allocate(spec.name, codes);
      if (scales > 0) this.allocate(scaleName(spec.name), scales);
    }
  }

  /** Uploads every tensor; gates get their tanh. Throws `shape-mismatch` when a tensor has another size, `device` when the GPU is full. */
  async load(reader: WeightReader): Promise<void> {
    await this.gpu.ledger.settle();
    for (const [name, parts] of this.vectorGroups()) {
      const values: Float32Array[] = [];
      for (const part of parts) values.push(toFloats(await read(reader, part, 4 * elements(this.spec(part)))));
      const whole = concatFloats(values);
      if (name.endsWith('_gate')) this.gates.set(name, whole.map(Math.tanh));
      this.upload(name, this.gates.get(name) ?? whole);
    }
    for (const spec of this.matrices()) {
      const { codes, scales } = matrixSizes(spec, this.type);
      this.upload(spec.name, await read(reader, spec.name, codes));
      if (scales > 0) this.upload(scaleName(spec.name), await read(reader, scaleName(spec.name), scales));
    }
  }

  matrix(name: string): Matrix {
    const [outputs, columns] = this.spec(name).shape;
    const scale = this.buffers.get(scaleName(name)) ?? this.none;
    return { weight: this.buffer(name), scale, type: this.type, outputs, columns };
  }

  norm(name: string, config: NormConfig): Norm {
    return { packed: this.buffer(`${name}.weight`), config, width: this.spec(`${name}.weight`).shape[0] };
  }

  /** A vector, or undefined where the model has none. */
  vector(name: string): LedgerBuffer | undefined {
    return this.buffers.get(name);
  }

  /** A gate after tanh: one number, or one per channel. */
  gate(name: string): { buffer: LedgerBuffer; perChannel: boolean } {
    return { buffer: this.buffer(name), perChannel: elements(this.spec(name)) > 1 };
  }

  /** Multiplies every gate, from the next submit on. 0 adds exactly nothing: what a closed gate does. */
  useGateFactor(factor: number): void {
    if (factor === this.gateFactor) return;
    this.gateFactor = factor;
    for (const [name, values] of this.gates)
      this.upload(
        name,
        values.map((value) => value * factor || 0),
      );
  }

  /** Puts a table made on the host among the weights. */
  addTable(name: string, values: Float32Array): LedgerBuffer {
    this.allocate(name, values.byteLength);
    this.upload(name, values);
    return this.buffer(name);
  }

  [Symbol.dispose](): void {
    for (const buffer of this.buffers.values()) buffer.destroy();
    this.none.destroy();
  }

  /** Buffer name -> the vectors it holds, in order. */
  private vectorGroups(): [string, string[]][] {
    return [...this.specs.values()]
      .filter(({ kind }) => kind === 'vector')
      .flatMap(({ name }): [string, string[]][] => {
        const parts = groupOf(name)?.filter((part) => this.specs.has(part));
        return parts ? [[groupName(name), parts]] : [];
      });
  }

  private matrices(): TensorSpec[] {
    return [...this.specs.values()].filter(({ kind }) => kind === 'matrix');
  }

  private allocate(name: string, bytes: number): void {
    this.buffers.set(name, this.gpu.ledger.allocate(name, bytes, 'weights', USAGE()));
  }

  private upload(name: string, bytes: Uint8Array | Float32Array): void {
    const { buffer } = this.buffer(name);
    const whole = bytes.byteLength & ~3;
    const { queue } = this.gpu.device;
    queue.writeBuffer(buffer, 0, bytes.buffer as ArrayBuffer, bytes.byteOffset, whole);
    if (whole === bytes.byteLength) return;
    const tail = new Uint8Array(4); // writeBuffer takes whole words; f16 rows of odd length end in half of one
    tail.set(new Uint8Array(bytes.buffer, bytes.byteOffset + whole, bytes.byteLength - whole));
    queue.writeBuffer(buffer, whole, tail);
  }

  private buffer(name: string): LedgerBuffer {
    const buffer = this.buffers.get(name);
    if (buffer) return buffer;
    throw new FlamingoError('internal', `The weight ${name} was asked for, but this model has none.`);
  }

  private spec(name: string): TensorSpec {
    const spec = this.specs.get(name);
    if (spec) return spec;
    throw new FlamingoError('internal', `This model's config has no tensor ${name}.`);
  }
}

/** A function, because the constants do not exist in Node before dawnGpu(). */
const USAGE = () => GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;

/** The vectors that share a buffer with `name` when it is the first of them; undefined for the others. */
function groupOf(name: string): string[] | undefined {
  if (name.endsWith('.attn.q_norm.weight')) {
    const at = name.slice(0, -'q_norm.weight'.length);
    return [`${at}q_norm.weight`, `${at}q_norm.bias`, `${at}k_norm.weight`, `${at}k_norm.bias`];
  }
  if (/\.attn\.[qk]_norm\./.test(name) || /(^|\.)norm\w*\.bias$/.test(name)) return undefined;
  return /(^|\.)norm\w*\.weight$/.test(name) ? [name, name.replace(/weight$/, 'bias')] : [name];
}

function groupName(name: string): string {
  return name.replace(/\.attn\.q_norm\.weight$/, '.attn.qk_norms');
}

function matrixSizes({ shape: [outputs, columns] }: TensorSpec, type: WeightType): { codes: number; scales: number } {
  const count = outputs * paddedColumns(type, columns);
  const codes = { f32: 4 * count, f16: 2 * count, q8: count, q4: count / 2 }[type];
  return { codes, scales: type === 'q8' || type === 'q4' ? (count / 32) * 2 : 0 };
}

async function read(reader: WeightReader, name: string, bytes: number): Promise<Uint8Array> {
  const got = await reader.read(name);
  if (got.byteLength === bytes) return got;
  throw new FlamingoError('shape-mismatch', `${name} has ${got.byteLength} bytes, its shape asks for ${bytes}.`, {
    hint: 'The package does not fit its own config: convert the model again.',
    details: { name, got: got.byteLength, expected: bytes },
  });
}

function elements({ shape }: TensorSpec): number {
  return shape.reduce((a, b) => a * b, 1);
}

function toFloats(bytes: Uint8Array): Float32Array<ArrayBuffer> {
  return new Float32Array(bytes.slice().buffer);
}
