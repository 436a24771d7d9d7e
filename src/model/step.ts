import { embeddingWidth, type FlamingoConfig, selfBlocks } from '../format/config';
import { type Bindable, Recording } from '../gpu/recording';
import { logProbability } from '../kernels/sample/log-probability';
import { type EngineParts, PREFILL_ROWS, type StepInputs } from './parts';
import { maskWords, recordSampling, type SamplingMode } from './sampler';
import type { KeyValueCache } from './self-attention';
import { ROWS, type Stage } from './stage';

/** What a step computes. Each combination is one program; a session uses three or four. */
export interface StepMode {
  /** One token, with fused norms; otherwise up to PREFILL_ROWS. */
  single: boolean;
  head: 'none' | 'last' | 'all';
  sample: SamplingMode | undefined;
  /** Media of the step's table, where probabilities over ranges of media are asked for. */
  media?: number;
  probabilities: boolean;
  /** Words of positions and paths of rows that continue one prefix side by side; 0: the rows are one text. */
  places: number;
  /** Some rows are vectors in the place of tokens. */
  given: boolean;
  /** With head 'all': also the log-probability of each row's target. */
  targets: boolean;
}

/** A mode with nothing but what is given. */
export function stepModeOf(mode: Pick<StepMode, 'single' | 'head'> & Partial<StepMode>): StepMode {
  return { sample: undefined, probabilities: false, places: 0, given: false, targets: false, ...mode };
}

export type StepInput = keyof StepInputs | 'places' | 'given' | 'targets' | 'masks';

/** Words of the inputs that only some modes read. */
export function modeInputs(
  { places, given, targets, sample }: StepMode,
  config: FlamingoConfig,
): Record<string, number> {
  return {
    ...(places > 0 ? { places } : {}),
    ...(given ? { given: PREFILL_ROWS * embeddingWidth(config) } : {}),
    ...(targets ? { targets: PREFILL_ROWS } : {}),
    ...(sample?.adjust ? { masks: maskWords(config.vocab) } : {}),
  };
}

/** What a recording needs of one sequence. */
export interface BoundSequence {
  readonly caches: readonly KeyValueCache[];
  readonly capacity: number;
  input(name: StepInput): Bindable;
}

/** Embedding, blocks, and as much of head and sampling as `mode` asks for. */
export function recordStep(parts: EngineParts, mode: StepMode, bound: BoundSequence): Recording {
  const { gpu, decoder, scratch, outputs, weights, config, media } = parts;
  const rec = new Recording();
  const rows = mode.single ? 1 : ROWS;
  const stage: Stage = {
    rec,
    single: mode.single,
    rows,
    scratch,
    none: weights.none,
    probabilities: mode.probabilities,
    media: mode.media ?? 1,
    places: mode.places > 0 ? bound.input('places') : undefined,
    given: mode.given ? bound.input('given') : undefined,
    software: gpu.software,
  };
  const { caches, capacity } = bound;
  const x = decoder.record(stage, {
    ids: bound.input('ids'),
    seen: bound.input('seen'),
    caches,
    entries: bound.input('media'),
    open: bound.input('open'),
    media: media.layers,
    capacity,
  });
  if (mode.head === 'all') {
    const logits = scratch.get('all_logits', config.vocab);
    decoder.recordAllLogits(stage, x, logits);
    if (mode.targets) {
      const buffers = { logits, targets: bound.input('targets'), y: outputs.get('logprobs', 2 * PREFILL_ROWS) };
      rec.add('sample.log_probability', logProbability, { buffers, params: { rows, vocab: config.vocab } });
    }
  }
  if (mode.head !== 'last') return rec;
  const logits = outputs.get('logits', config.vocab);
  decoder.recordLastLogits(stage, x, logits);
  if (mode.sample) {
    const masks = mode.sample.adjust ? bound.input('masks') : weights.none;
    recordSampling(parts, rec, mode.sample, logits, { suppress: bound.input('suppress'), masks });
  }
  return rec;
}

/** The same recording bound to nothing: tells which pipelines a step needs, and how many dispatches it has. */
export function dryStep(parts: EngineParts, mode: StepMode): Recording {
  const { none } = parts.weights;
  const caches = selfBlocks(parts.config).map(() => ({ keys: none, values: none }));
  return recordStep(parts, mode, { caches, capacity: 1, input: () => none });
}
