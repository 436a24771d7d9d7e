import type { KernelTime } from '../core/executor';
import type { Dispatch } from './recording';

/** Timestamps of one submit: give each dispatch's pass its `writes`, then `resolve` on the encoder, then `read` after the submit. */
export interface TimedSubmit {
  writes(index: number): GPUComputePassTimestampWrites;
  resolve(encoder: GPUCommandEncoder): void;
  read(dispatches: readonly (Dispatch | undefined)[]): void;
}

const BYTES = 8;

/**
 * Time per kernel from timestamps around every dispatch. Each dispatch needs a pass of its own then, and buffers are made in every step: only devices
 * that were opened for profiling have one. Browsers round timestamps (Chrome to 0.1 ms), so sums over many steps say more than one.
 */
export class Profiler {
  private readonly times = new Map<string, KernelTime>();
  private readonly pending = new Set<Promise<void>>();

  constructor(private readonly device: GPUDevice) {}

  /** For a submit of at most `count` dispatches. */
  begin(count: number): TimedSubmit {
    const { device } = this;
    const size = 2 * count * BYTES;
    const queries = device.createQuerySet({ label: 'profile', type: 'timestamp', count: 2 * count });
    const resolved = device.createBuffer({
      label: 'profile',
      size,
      usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    });
    const mapped = device.createBuffer({
      label: 'profile read',
      size,
      usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
    });
    return {
      writes: (index) => ({
        querySet: queries,
        beginningOfPassWriteIndex: 2 * index,
        endOfPassWriteIndex: 2 * index + 1,
      }),
      resolve(encoder) {
        encoder.resolveQuerySet(queries, 0, 2 * count, resolved, 0);
        encoder.copyBufferToBuffer(resolved, 0, mapped, 0, size);
      },
      read: (dispatches) => {
        const reading = this.read(mapped, dispatches).finally(() => {
          this.pending.delete(reading);
          for (const made of [queries, resolved, mapped]) made.destroy();
        });
        this.pending.add(reading);
      },
    };
  }

  /** Time per kernel so far, the longest first. Waits for submits under way. */
  async table(): Promise<KernelTime[]> {
    await Promise.all(this.pending);
    return [...this.times.values()].sort((a, b) => b.ms - a.ms).map((time) => ({ ...time }));
  }

  private async read(mapped: GPUBuffer, dispatches: readonly (Dispatch | undefined)[]): Promise<void> {
    const lost = await mapped.mapAsync(GPUMapMode.READ).then(
      () => false,
      () => true, // whoever waits for the step's result is told
    );
    if (lost) return;
    const stamps = new BigUint64Array(mapped.getMappedRange());
    dispatches.forEach((dispatch, i) => {
      if (!dispatch) return;
      const { id } = dispatch.kernel;
      const time = this.times.get(id) ?? { kernel: id, dispatches: 0, ms: 0 };
      time.dispatches++;
      time.ms += Number(stamps[2 * i + 1] - stamps[2 * i]) / 1e6;
      this.times.set(id, time);
    });
    mapped.unmap();
  }
}
