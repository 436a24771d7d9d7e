import type { ExecutorCounters } from '../core/executor';
import { type FlamingoConfig, mediaHeads, seesRanges } from '../format/config';
import type { GpuDevice } from '../gpu/device';
import type { Decoder } from './decoder';
import type { MediaCache } from './media-cache';
import type { Scratch } from './stage';
import type { Weights } from './weights';

/** Tokens of one prefill submit. Longer prompts take several; scratch memory grows with it. */
export const PREFILL_ROWS = 128;

/** Largest number of suppressed tokens. */
export const MAX_SUPPRESSED = 64;

/** Entries of the media table of one step, for models whose tokens see ranges of media. */
export const MAX_ENTRIES = 512;

export type StepInputs = Record<'ids' | 'seen' | 'media' | 'open' | 'suppress', number>;

/** u32 inputs of every step, and the words they take. Where a token sees one medium, `seen` is its slot; else a range of entries in `media`. */
export function stepInputs(config: FlamingoConfig): StepInputs {
  const seen = readsRanges(config)
    ? { seen: 2 * PREFILL_ROWS, media: 2 * MAX_ENTRIES }
    : { seen: PREFILL_ROWS, media: 0 };
  const open = config.gated.lead === 'no-feed-forward' ? PREFILL_ROWS : 0;
  return { ids: PREFILL_ROWS, ...seen, open, suppress: MAX_SUPPRESSED };
}

/** Whether attention/media-range is used, which also knows grouped heads; attention/media-cross is the shorter way. */
export function readsRanges(config: FlamingoConfig): boolean {
  return seesRanges(config) || mediaHeads(config.gated) !== config.gated.heads;
}

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
