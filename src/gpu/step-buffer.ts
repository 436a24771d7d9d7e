import { FlamingoError } from '../core/errors';
import type { GpuDevice } from './device';
import type { Kernel } from './kernel';
import type { LedgerBuffer } from './ledger';
import type { BufferSlice, Dispatch, ParamValue, StepValues } from './recording';

/** Offsets of uniform and storage bindings are multiples of this in every WebGPU implementation. */
const ALIGN = 256;

/**
 * All that the host tells the GPU in one step, in one buffer and one write: first the inputs (token ids, media index), then the params
 * that change from step to step, then the params that never change.
 */
export class StepBuffer implements Disposable {
  private readonly buffer: LedgerBuffer;
  private readonly host: ArrayBuffer;
  private readonly view: DataView;
  private readonly inputBytes: number;
  private changing: { dispatch: Dispatch; offset: number }[] = [];
  private changingEnd = 0;

  /** Room for the named u32 inputs and for the params of `dispatches` dispatches. */
  constructor(
    private readonly gpu: GpuDevice,
    label: string,
    private readonly inputs: Record<string, number>,
    dispatches: number,
  ) {
    this.inputBytes = Object.values(inputs).reduce((sum, words) => sum + align(words * 4), 0);
    this.host = new ArrayBuffer(this.inputBytes + Math.max(1, dispatches) * ALIGN);
    this.view = new DataView(this.host);
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
    this.buffer = gpu.ledger.allocate(label, this.host.byteLength, 'scratch', usage);
  }

  /** The region of one named input, for a recording to bind. */
  input(name: string): BufferSlice {
    return { buffer: this.buffer, offset: this.inputOffset(name), size: Math.max(16, this.inputs[name] * 4) };
  }

  /** Puts the params of every dispatch into place and uploads them; returns the uniform slice of each. */
  layOut(dispatches: readonly Dispatch[]): BufferSlice[] {
    const order = [...dispatches].sort((a, b) => Number(isStatic(a)) - Number(isStatic(b)));
    const offsets = new Map(order.map((dispatch, i) => [dispatch, this.inputBytes + i * ALIGN]));
    this.changing = order.filter((d) => !isStatic(d)).map((dispatch) => ({ dispatch, offset: offsets.get(dispatch)! }));
    this.changingEnd = this.inputBytes + this.changing.length * ALIGN;
    for (const dispatch of order.slice(this.changing.length)) {
      this.put(dispatch.kernel, dispatch.params as Record<string, number>, offsets.get(dispatch)!);
    }
    this.gpu.device.queue.writeBuffer(this.buffer.buffer, 0, this.host);
    return dispatches.map((dispatch) => ({
      buffer: this.buffer,
      offset: offsets.get(dispatch)!,
      size: paramBytes(dispatch.kernel),
    }));
  }

  /** The step's one write: inputs and changing params. */
  write(step: StepValues, inputs: Record<string, ArrayLike<number>>): void {
    for (const [name, values] of Object.entries(inputs)) {
      const words = new Int32Array(this.host, this.inputOffset(name), this.inputs[name]);
      for (let i = 0; i < values.length; i++) words[i] = values[i];
    }
    for (const { dispatch, offset } of this.changing)
      this.put(dispatch.kernel, resolveParams(dispatch.params, step), offset);
    if (this.changingEnd > 0) this.gpu.device.queue.writeBuffer(this.buffer.buffer, 0, this.host, 0, this.changingEnd);
  }

  [Symbol.dispose](): void {
    this.buffer.destroy();
  }

  private inputOffset(name: string): number {
    let offset = 0;
    for (const [other, words] of Object.entries(this.inputs)) {
      if (other === name) return offset;
      offset += align(words * 4);
    }
    throw new FlamingoError('internal', `The step has no input named ${name}.`);
  }

  private put(kernel: Kernel, values: Record<string, number>, offset: number): void {
    let at = offset;
    for (const [name, type] of Object.entries(kernel.params)) {
      if (type === 'f32') this.view.setFloat32(at, values[name], true);
      else if (type === 'i32') this.view.setInt32(at, values[name], true);
      else this.view.setUint32(at, values[name], true);
      at += 4;
    }
  }
}

/** The params of a dispatch as plain numbers for one step. */
export function resolveParams(params: Record<string, ParamValue>, step: StepValues): Record<string, number> {
  const values: Record<string, number> = {};
  for (const name in params) {
    const param = params[name];
    values[name] = typeof param === 'number' ? param : param.times * step[param.of] + param.plus;
  }
  return values;
}

function isStatic(dispatch: Dispatch): boolean {
  return Object.values(dispatch.params).every((param) => typeof param === 'number');
}

function paramBytes(kernel: Kernel): number {
  return Math.max(16, Math.ceil((Object.keys(kernel.params).length * 4) / 16) * 16);
}

function align(bytes: number): number {
  return Math.ceil(bytes / ALIGN) * ALIGN;
}
