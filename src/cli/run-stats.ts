import type { LoadedParts } from '../session/load-with';

/** Work one request caused: counters as differences, bytes as they are. */
export interface Stats {
  visionRuns: number;
  resamplerRuns: number;
  mediaKvProjections: number;
  prefilledTokens: number;
  decodedTokens: number;
  gpuBytes: ReturnType<LoadedParts['engine']['memory']>;
  dispatchesPerToken: number;
  submitsPerToken: number;
  executor: string;
  adapter: string;
}

type Counts = Pick<Stats, 'visionRuns' | 'resamplerRuns' | 'mediaKvProjections' | 'prefilledTokens' | 'decodedTokens'>;

export function snapshot({ engine, vision }: LoadedParts): Counts {
  const { resamplerRuns, mediaKvProjections, prefilledTokens, decodedTokens } = engine.counters;
  return { visionRuns: vision.runs, resamplerRuns, mediaKvProjections, prefilledTokens, decodedTokens };
}

export function statsSince(model: LoadedParts, before: Counts): Stats {
  const now = snapshot(model);
  const { lastStep } = model.engine.counters;
  return {
    visionRuns: now.visionRuns - before.visionRuns,
    resamplerRuns: now.resamplerRuns - before.resamplerRuns,
    mediaKvProjections: now.mediaKvProjections - before.mediaKvProjections,
    prefilledTokens: now.prefilledTokens - before.prefilledTokens,
    decodedTokens: now.decodedTokens - before.decodedTokens,
    gpuBytes: model.engine.memory(),
    dispatchesPerToken: lastStep.dispatches,
    submitsPerToken: lastStep.submits,
    executor: model.executor,
    adapter: model.adapter,
  };
}
