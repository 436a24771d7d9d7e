import type { SampleOptions } from '../core/executor';
import { MAX_CANDIDATES } from '../core/sampling';
import type { LedgerBuffer } from '../gpu/ledger';
import { type Bindable, type Recording, stepValue } from '../gpu/recording';
import { argmax } from '../kernels/sample/argmax';
import { draw } from '../kernels/sample/draw';
import { topK } from '../kernels/sample/top-k';
import type { EngineParts } from './parts';

/** Appends the choice of the next token to a recording: the most likely one, or a draw among the `topK` most likely. */
export function recordSampling(
  { outputs, config }: EngineParts,
  rec: Recording,
  how: 'argmax' | 'draw',
  logits: LedgerBuffer,
  suppress: Bindable,
): void {
  const token = outputs.get('token', 1);
  const choice = { row: 0, vocab: config.vocab, suppressed: stepValue('suppressed') };
  if (how === 'argmax') {
    rec.add('sample.argmax', argmax, { buffers: { logits, suppress, token }, params: choice });
    return;
  }
  const top_values = outputs.get('top_values', MAX_CANDIDATES);
  const top_ids = outputs.get('top_ids', MAX_CANDIDATES);
  const k = stepValue('topK');
  rec.add('sample.top_k', topK, { buffers: { logits, suppress, top_values, top_ids }, params: { ...choice, k } });
  rec.add('sample.draw', draw, {
    buffers: { top_values, top_ids, token },
    params: {
      k,
      seed: stepValue('seed'),
      step: stepValue('sampleStep'),
      temperature: stepValue('temperature'),
      top_p: stepValue('topP'),
    },
  });
}

/** The numbers that recordSampling leaves to the step. */
export function samplingStep(sample: SampleOptions | undefined, vocab: number): Record<string, number> {
  if (!sample) return { suppressed: 0, topK: 1, seed: 0, sampleStep: 0, temperature: 1, topP: 1 };
  const asked = sample.topK > 0 ? sample.topK : MAX_CANDIDATES;
  return {
    suppressed: sample.suppress.length,
    topK: Math.min(asked, MAX_CANDIDATES, vocab - sample.suppress.length),
    seed: sample.seed >>> 0,
    sampleStep: sample.step >>> 0,
    temperature: sample.temperature,
    topP: sample.topP,
  };
}
