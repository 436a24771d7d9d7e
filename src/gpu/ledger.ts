import { FlamingoError } from '../core/errors';
import type { MemoryUse } from '../core/executor';

export type Purpose = keyof MemoryUse;

/** A labelled GPUBuffer whose bytes the ledger counts until it is destroyed. */
export interface LedgerBuffer {
  readonly label: string;
  readonly buffer: GPUBuffer;
  /** Bytes asked for; the GPUBuffer is rounded up to 4. */
  readonly size: number;
  destroy(): void;
}

/**
 * Makes every buffer of a device and knows their sum by purpose. WebGPU reports a failed allocation asynchronously:
 * `settle()` waits for those reports and throws `device` with the label of the tensor that did not fit.
 */
export class Ledger {
  readonly bytes: MemoryUse = { weights: 0, selfKv: 0, mediaKv: 0, scratch: 0 };
  /** Buffers made so far; a decode step must not change it. */
  created = 0;
  private failures: Promise<void>[] = [];

  constructor(private readonly device: GPUDevice) {}

  allocate(label: string, size: number, purpose: Purpose, usage: number): LedgerBuffer {
    const rounded = Math.max(16, Math.ceil(size / 4) * 4);
    this.checkLimits(label, rounded, usage);
    this.device.pushErrorScope('out-of-memory');
    this.device.pushErrorScope('validation');
    const buffer = this.device.createBuffer({ label, size: rounded, usage });
    const validation = this.device.popErrorScope();
    const memory = this.device.popErrorScope();
    this.failures.push(this.report(label, rounded, validation, memory));
    this.bytes[purpose] += rounded;
    this.created++;
    let alive = true;
    const destroy = () => {
      if (!alive) return;
      alive = false;
      this.bytes[purpose] -= rounded;
      buffer.destroy();
    };
    return { label, buffer, size, destroy };
  }

  /** Waits until the device has answered for every buffer made so far. */
  async settle(): Promise<void> {
    const pending = this.failures;
    this.failures = [];
    await Promise.all(pending);
  }

  private checkLimits(label: string, size: number, usage: number): void {
    const { maxBufferSize, maxStorageBufferBindingSize } = this.device.limits;
    const limit = usage & GPUBufferUsage.STORAGE ? Math.min(maxBufferSize, maxStorageBufferBindingSize) : maxBufferSize;
    if (size <= limit) return;
    throw new FlamingoError(
      'device',
      `${label} needs ${size} bytes, but one buffer of this GPU holds at most ${limit}.`,
      {
        hint: 'Use a package with smaller weights (q4), or the wasm executor.',
        details: { label, size, limit },
      },
    );
  }

  private async report(
    label: string,
    size: number,
    validation: Promise<GPUError | null>,
    memory: Promise<GPUError | null>,
  ): Promise<void> {
    const error = (await validation) ?? (await memory);
    if (!error) return;
    throw new FlamingoError('device', `The GPU has no room for ${label} (${size} bytes): ${error.message}`, {
      hint: 'Close other tabs that use the GPU, use a package with smaller weights, or the wasm executor.',
      details: { label, size, bytes: { ...this.bytes } },
    });
  }
}
