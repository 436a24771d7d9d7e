import type { Executor } from '../core/executor';
import { OrtExecutor } from '../ort/executor';
import type { VisionEncoder } from '../vision/encoder';

/** A script that asks as soon as the model is ready comes first. */
const PAUSE_MS = 50;

/**
 * Browsers compile wasm when it is first run: the first picture and the first words take about three times as long as the next (measured: 300 ms more on 2
 * cores). While `idle` holds, one of each is computed from nothing. Never rejects: who asks in earnest sees what is wrong.
 */
export async function rehearse(engine: Executor, vision: VisionEncoder, idle: () => boolean): Promise<void> {
  try {
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    if (idle()) await vision.rehearse();
    if (idle() && engine instanceof OrtExecutor) await engine.rehearse(); // the WGSL engine compiles while it loads
  } catch {
    // see above
  }
}
