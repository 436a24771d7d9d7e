import { FlamingoError } from '../core/errors';
import { selfBlocks } from '../format/config';
import type { LedgerBuffer } from '../gpu/ledger';
import type { EngineParts } from './parts';
import type { KeyValueCache } from './self-attention';

/** Keys and values of every block for `slots` tokens, [kvHeads, slots, d] each. Throws `device` when the GPU is full. */
export async function makeCaches({ config, gpu, elemBytes }: EngineParts, slots: number): Promise<KeyValueCache[]> {
  const { kvHeads, headDim } = config.decoder;
  const bytes = kvHeads * slots * headDim * elemBytes;
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const make = (label: string): LedgerBuffer => gpu.ledger.allocate(label, bytes, 'selfKv', usage);
  const caches = selfBlocks(config).map((i) => ({
    keys: make(`blocks.${i}.keys`),
    values: make(`blocks.${i}.values`),
  }));
  await gpu.ledger.settle();
  return caches;
}

/** Caches with their number of slots. */
export interface SlottedCaches {
  caches: readonly KeyValueCache[];
  slots: number;
}

/** Copies the first `length` tokens of every head, nothing leaves the GPU. Throws `unsupported` where a head's rows are no whole words. */
export function copyCaches(parts: EngineParts, from: SlottedCaches, to: SlottedCaches, length: number): void {
  const { gpu, config, elemBytes } = parts;
  const { kvHeads, headDim } = config.decoder;
  const row = headDim * elemBytes;
  if (from.slots !== to.slots && row % 4 !== 0) {
    throw new FlamingoError(
      'unsupported',
      `A head of ${headDim} f16 elements has ${row} bytes; a multiple of 4 is needed.`,
      {
        hint: 'Load the model with f32 activations.',
      },
    );
  }
  const encoder = gpu.device.createCommandEncoder({ label: 'copy key/value caches' });
  from.caches.forEach((cache, i) => {
    for (const part of ['keys', 'values'] as const) {
      const [source, target] = [cache[part].buffer, to.caches[i][part].buffer];
      if (from.slots === to.slots) encoder.copyBufferToBuffer(source, 0, target, 0, source.size);
      else {
        for (let h = 0; h < kvHeads && length > 0; h++)
          encoder.copyBufferToBuffer(source, h * from.slots * row, target, h * to.slots * row, length * row);
      }
    }
  });
  gpu.device.queue.submit([encoder.finish()]);
}

export function destroyCaches(caches: readonly KeyValueCache[]): void {
  for (const { keys, values } of caches) {
    keys.destroy();
    values.destroy();
  }
}
