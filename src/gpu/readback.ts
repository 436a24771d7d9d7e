import { FlamingoError } from '../core/errors';
import type { GpuDevice } from './device';
import type { LedgerBuffer } from './ledger';
import type { Copy } from './program';
import type { Bindable } from './recording';

/** A buffer the CPU can read, made once and used again: decode steps read their token through one. */
export class Staging implements Disposable {
  private readonly buffer: LedgerBuffer;

  constructor(gpu: GpuDevice, label: string, bytes: number) {
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    this.buffer = gpu.ledger.allocate(label, bytes, 'scratch', usage);
  }

  get size(): number {
    return this.buffer.size;
  }

  /** The copy to append to a submit. */
  copy(from: Bindable, size: number, toOffset = 0): Copy {
    return { from, size, to: this.buffer.buffer, toOffset };
  }

  /** Waits for the GPU and returns a copy of the first `bytes`. Throws `device` when the device was lost meanwhile. */
  async read(bytes: number): Promise<ArrayBuffer> {
    const { buffer, label } = this.buffer;
    try {
      await buffer.mapAsync(GPUMapMode.READ, 0, Math.ceil(bytes / 8) * 8);
    } catch (cause) {
      // After a loss most WebGPU calls still seem to succeed; mapAsync is the one that rejects.
      throw new FlamingoError('device', `The GPU gave no result for ${label}.`, {
        hint: 'Reload the model; the conversation is kept.',
        cause,
      });
    }
    const copy = buffer.getMappedRange(0, Math.ceil(bytes / 8) * 8).slice(0, bytes);
    buffer.unmap();
    return copy;
  }

  [Symbol.dispose](): void {
    this.buffer.destroy();
  }
}

/** Reads back one buffer with a submit of its own: for taps, tests and logits on request, never in the decode loop. */
export async function readBuffer(gpu: GpuDevice, from: LedgerBuffer, bytes: number, offset = 0): Promise<ArrayBuffer> {
  using staging = new Staging(gpu, `read ${from.label}`, Math.ceil(bytes / 8) * 8);
  const encoder = gpu.device.createCommandEncoder({ label: 'readback' });
  const { to } = staging.copy(from, bytes);
  encoder.copyBufferToBuffer(from.buffer, offset, to, 0, Math.ceil(bytes / 4) * 4);
  gpu.device.queue.submit([encoder.finish()]);
  return await staging.read(bytes);
}
