import { type FlamingoConfig, mediaHeads } from '../format/config';
import type { GpuDevice } from '../gpu/device';
import type { LedgerBuffer } from '../gpu/ledger';
import type { MediaSlots } from './gated-layer';

/** Slots made at first; the cache doubles when they are used up. */
const FIRST_SLOTS = 4;

/** Media of models with many latents are large: more bytes than this are not made before they are needed. */
const FIRST_BYTES = 2 ** 28;

/**
 * Keys and values of every medium for all gated layers, computed once per medium. Per layer one buffer of keys and one of values,
 * [slots, kvHeads, n, d]; slots are given out, returned and reused. Growing makes new buffers and raises `version`, so that whoever bound
 * the old ones binds again.
 */
export class MediaCache implements Disposable {
  layers: MediaSlots[];
  version = 0;
  private slots: number;
  private free: number[];

  constructor(
    private readonly gpu: GpuDevice,
    private readonly config: FlamingoConfig,
    private readonly elemBytes: number,
  ) {
    this.slots = Math.max(1, Math.min(FIRST_SLOTS, Math.floor(FIRST_BYTES / Math.max(1, this.bytesPerMedium))));
    this.free = Array.from({ length: this.slots }, (_, i) => i);
    this.layers = this.allocate(this.slots);
  }

  /** Bytes of one medium over all gated layers: 2 * G * kvHeads * n * d elements. */
  get bytesPerMedium(): number {
    return 2 * this.config.gated.before.length * this.bytesPerSlot();
  }

  /** A slot nobody uses; the lowest, so that results do not depend on history. */
  take(): number {
    if (this.free.length === 0) this.grow();
    this.free.sort((a, b) => a - b);
    return this.free.shift()!;
  }

  release(slot: number): void {
    this.free.push(slot);
  }

  [Symbol.dispose](): void {
    for (const { keys, values } of this.layers) {
      keys.destroy();
      values.destroy();
    }
  }

  private grow(): void {
    const before = this.layers;
    const bytes = this.slots * this.bytesPerSlot();
    this.layers = this.allocate(this.slots * 2);
    const encoder = this.gpu.device.createCommandEncoder({ label: 'grow media cache' });
    before.forEach(({ keys, values }, k) => {
      encoder.copyBufferToBuffer(keys.buffer, 0, this.layers[k].keys.buffer, 0, bytes);
      encoder.copyBufferToBuffer(values.buffer, 0, this.layers[k].values.buffer, 0, bytes);
    });
    this.gpu.device.queue.submit([encoder.finish()]);
    for (const { keys, values } of before) {
      keys.destroy();
      values.destroy();
    }
    this.free.push(...Array.from({ length: this.slots }, (_, i) => this.slots + i));
    this.slots *= 2;
    this.version++;
  }

  private allocate(slots: number): MediaSlots[] {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const make = (label: string): LedgerBuffer =>
      this.gpu.ledger.allocate(label, slots * this.bytesPerSlot(), 'mediaKv', usage);
    return this.config.gated.before.map((_, k) => ({
      keys: make(`gated.${k}.media_keys`),
      values: make(`gated.${k}.media_values`),
    }));
  }

  private bytesPerSlot(): number {
    const { gated, resampler } = this.config;
    return mediaHeads(gated) * resampler.latents * gated.headDim * this.elemBytes;
  }
}
