import type { EngineParts } from './parts';

/** Counts from now on; the function that it gives notes what happened since as the last step. */
export function stepMeter({ gpu, counters }: Pick<EngineParts, 'gpu' | 'counters'>): () => void {
  const before = { ...gpu.counters, buffers: gpu.ledger.created };
  return () => {
    counters.lastStep = {
      submits: gpu.counters.submits - before.submits,
      dispatches: gpu.counters.dispatches - before.dispatches,
      bindGroups: gpu.counters.bindGroups - before.bindGroups,
      buffers: gpu.ledger.created - before.buffers,
    };
  };
}
