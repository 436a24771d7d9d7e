import type { SampleOptions, TokenLogprobs } from '../core/executor';
import { MAX_CANDIDATES } from '../core/sampling';
import type { LedgerBuffer } from '../gpu/ledger';
import type { Copy } from '../gpu/program';
import type { Staging } from '../gpu/readback';
import { type Bindable, type Recording, stepValue } from '../gpu/recording';
import { adjust } from '../kernels/sample/adjust';
import { argmax } from '../kernels/sample/argmax';
import { draw } from '../kernels/sample/draw';
import { logProbability } from '../kernels/sample/log-probability';
import { topK } from '../kernels/sample/top-k';
import type { EngineParts } from './parts';

/** How a step chooses. What is not asked for is not recorded. */
export interface SamplingMode {
  how: 'argmax' | 'draw';
  /** Penalty or ban by the masks of the step. */
  adjust: boolean;
  logprobs: 'none' | 'chosen' | 'top';
}

/** Words of `masks`: a bit per token that was seen, then a bit per token that is allowed. */
export function maskWords(vocab: number): number {
  return 2 * Math.ceil(vocab / 32);
}

/** Appends the choice of the next token to a recording: the most likely one, or a draw among the `topK` most likely; log-probabilities on request. */
export function recordSampling(
  parts: EngineParts,
  rec: Recording,
  { how, adjust: adjusts, logprobs }: SamplingMode,
  logits: LedgerBuffer,
  inputs: { suppress: Bindable; masks: Bindable },
): void {
  const { outputs, config } = parts;
  const { vocab } = config;
  const token = outputs.get('token', 1);
  const { suppress } = inputs;
  const choice = { row: 0, vocab, suppressed: stepValue('suppressed') };
  const from = adjusts ? recordAdjust(parts, rec, logits, inputs.masks) : logits;
  if (how === 'argmax') {
    rec.add('sample.argmax', argmax, { buffers: { logits: from, suppress, token }, params: choice });
  } else {
    const top_values = outputs.get('top_values', MAX_CANDIDATES);
    const top_ids = outputs.get('top_ids', MAX_CANDIDATES);
    const k = stepValue('topK');
    const buffers = { logits: from, suppress, top_values, top_ids };
    rec.add('sample.top_k', topK, { buffers, params: { ...choice, k } });
    rec.add('sample.draw', draw, {
      buffers: { top_values, top_ids, token },
      params: {
        k,
        seed: stepValue('seed'),
        step: stepValue('sampleStep'),
        temperature: stepValue('temperature'),
        top_p: stepValue('topP'),
        min_p: stepValue('minP'),
      },
    });
  }
  if (logprobs !== 'none') recordLogprobs(parts, rec, logprobs, logits, suppress);
}

function recordAdjust({ outputs, config }: EngineParts, rec: Recording, logits: LedgerBuffer, masks: Bindable) {
  const { vocab } = config;
  const y = outputs.get('adjusted_logits', vocab);
  const params = { vocab, words: Math.ceil(vocab / 32), penalty: stepValue('penalty') };
  rec.add('sample.adjust', adjust, { buffers: { logits, masks, y }, params });
  return y;
}

function recordLogprobs(
  { outputs, config: { vocab } }: EngineParts,
  rec: Recording,
  which: 'chosen' | 'top',
  logits: LedgerBuffer,
  suppress: Bindable,
): void {
  const buffers = { logits, targets: outputs.get('token', 1), y: outputs.get('chosen_logprob', 2) };
  rec.add('sample.log_probability', logProbability, { buffers, params: { rows: 1, vocab } });
  if (which === 'chosen') return;
  const top_values = outputs.get('likely_values', MAX_CANDIDATES);
  const top_ids = outputs.get('likely_ids', MAX_CANDIDATES);
  const params = { row: 0, vocab, suppressed: 0, k: stepValue('topLogprobs') };
  rec.add('sample.likely', topK, { buffers: { logits, suppress, top_values, top_ids }, params });
}

/** The mode of a step that chooses with these options. */
export function samplingMode(sample: SampleOptions): SamplingMode {
  return {
    how: sample.temperature > 0 ? 'draw' : 'argmax',
    adjust: sample.allowed !== undefined || (sample.seen !== undefined && (sample.penalty ?? 1) !== 1),
    logprobs: sample.logprobs === undefined ? 'none' : sample.logprobs > 0 ? 'top' : 'chosen',
  };
}

/** The numbers that recordSampling leaves to the step. */
export function samplingStep(sample: SampleOptions | undefined, vocab: number): Record<string, number> {
  if (!sample)
    return {
      suppressed: 0,
      topK: 1,
      seed: 0,
      sampleStep: 0,
      temperature: 1,
      topP: 1,
      minP: 0,
      penalty: 1,
      topLogprobs: 1,
    };
  const asked = sample.topK > 0 ? sample.topK : MAX_CANDIDATES;
  return {
    suppressed: sample.suppress.length,
    topK: Math.min(asked, MAX_CANDIDATES, vocab - sample.suppress.length),
    seed: sample.seed >>> 0,
    sampleStep: sample.step >>> 0,
    temperature: sample.temperature,
    topP: sample.topP,
    minP: sample.minP ?? 0,
    penalty: sample.penalty ?? 1,
    topLogprobs: Math.min(sample.logprobs ?? 1, MAX_CANDIDATES, vocab),
  };
}

/** The inputs that recordSampling reads: banned ids, and masks where the mode adjusts. */
export function samplingInputs(sample: SampleOptions | undefined, vocab: number): Record<string, ArrayLike<number>> {
  if (!sample) return { suppress: [] };
  if (!samplingMode(sample).adjust) return { suppress: sample.suppress };
  const words = Math.ceil(vocab / 32);
  const masks = new Int32Array(2 * words);
  if (sample.seen) masks.set(sample.seen);
  if (sample.allowed) masks.set(sample.allowed, words);
  else masks.fill(-1, words);
  return { suppress: sample.suppress, masks };
}

/** Bytes of a step's result: the token, its log-probability and what normalises others, then ids and logits of the most likely tokens. */
const [LOGPROB_AT, IDS_AT, VALUES_AT] = [8, 16, 16 + 4 * MAX_CANDIDATES];
export const RESULT_BYTES = VALUES_AT + 4 * MAX_CANDIDATES;

/** Copies of a step's choice into a buffer that can be read; `result` reads it. */
export function resultCopies({ outputs }: EngineParts, staging: Staging, sample: SampleOptions, vocab: number): Copy[] {
  const { logprobs } = samplingMode(sample);
  const copies = [staging.copy(outputs.get('token', 1), 4)];
  if (logprobs !== 'none') copies.push(staging.copy(outputs.get('chosen_logprob', 2), 8, LOGPROB_AT));
  if (logprobs !== 'top') return copies;
  const { topLogprobs } = samplingStep(sample, vocab);
  return [
    ...copies,
    staging.copy(outputs.get('likely_ids', MAX_CANDIDATES), 4 * topLogprobs, IDS_AT),
    staging.copy(outputs.get('likely_values', MAX_CANDIDATES), 4 * topLogprobs, VALUES_AT),
  ];
}

/** What resultCopies brought. Waits for the GPU. */
export async function readResult(
  staging: Staging,
  sample: SampleOptions,
  vocab: number,
): Promise<{ token: number; logprobs?: TokenLogprobs }> {
  if (sample.logprobs === undefined) return { token: new Uint32Array(await staging.read(4))[0] };
  const bytes = await staging.read(RESULT_BYTES);
  const [chosen, sum] = new Float32Array(bytes, LOGPROB_AT, 2);
  const count = sample.logprobs > 0 ? samplingStep(sample, vocab).topLogprobs : 0;
  const ids = new Uint32Array(bytes, IDS_AT, count);
  const values = new Float32Array(bytes, VALUES_AT, count);
  const top = Array.from(ids, (id, i) => ({ id, logprob: values[i] - sum }));
  return { token: new Uint32Array(bytes, 0, 1)[0], logprobs: { chosen, top } };
}
