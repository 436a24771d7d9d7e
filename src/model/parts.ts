import type { ExecutorCounters } from '../core/executor';
import type { FlamingoConfig } from '../format/config';
import type { GpuDevice } from '../gpu/device';
import type { Decoder } from './decoder';
import type { MediaCache } from './media-cache';
import type { Scratch } from './stage';
import type { Weights } from './weights';

/** Tokens of one prefill submit. Longer prompts take several; scratch memory grows with it. */
export const PREFILL_ROWS = 128;

/** Largest number of suppressed tokens. */
export const MAX_SUPPRESSED = 64;

/** u32 inputs of every step, and the words they take. */
export const STEP_INPUTS = { ids: PREFILL_ROWS, seen: PREFILL_ROWS, suppress: MAX_SUPPRESSED };

/** Everything the parts of the engine share. */
export interface EngineParts {
  readonly gpu: GpuDevice;
  readonly config: FlamingoConfig;
  readonly elem: 'f32' | 'f16';
  readonly elemBytes: number;
  readonly weights: Weights;
  readonly decoder: Decoder;
  readonly media: MediaCache;
  /** Activations of one step. Sequences take turns: a step leaves nothing behind that the next one reads. */
  readonly scratch: Scratch;
  /** Logits and the chosen token. */
  readonly outputs: Scratch;
  readonly counters: ExecutorCounters;
}
