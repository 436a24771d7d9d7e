import { FlamingoError, throwIfAborted } from '../core/errors';
import { beamSearch } from '../sampling/beam-search';
import type { CheckedGenerate } from './options';
import type { ContextRunner } from './runner';

/** A chosen token. It is in the context unless it ended the answer. */
export interface Choice {
  id: number;
  ends: boolean;
}

/** Chooses the tokens of an answer one after the other, the one that ends it included: greedily, by draws, or all at once by beams. */
export async function* choose(
  runner: ContextRunner,
  options: CheckedGenerate,
  stopIds: readonly number[],
  signal: AbortSignal | undefined,
  onStep: () => void = () => undefined,
): AsyncGenerator<Choice, void, undefined> {
  runner.checkRoom();
  runner.useStrength(options.visualStrength);
  const ends = new Set(stopIds);
  const chosen =
    options.numBeams > 1 ? beams(runner, options, stopIds, signal, onStep) : draws(runner, options, signal);
  for await (const id of chosen) {
    if (options.numBeams === 1) onStep();
    if (!ends.has(id)) runner.context.pushTokens([id]);
    yield { id, ends: ends.has(id) };
    if (ends.has(id)) return;
  }
}

async function* draws(runner: ContextRunner, options: CheckedGenerate, signal: AbortSignal | undefined) {
  const { temperature, topK, topP, seed, maxNewTokens } = options;
  const { suppressIds } = runner.parts.manifest.prompt;
  for (let step = 0; step < maxNewTokens && runner.length < runner.capacity; step++) {
    throwIfAborted(signal);
    const sample = { temperature, topK, topP, seed, step, suppress: suppressIds };
    const { token } = await runner.runUntil(runner.length, signal, { sample });
    if (token === undefined) throw new FlamingoError('internal', 'The executor chose no token.');
    yield token;
  }
}

/** The best text of a beam search: the whole of it is known before its first token is given. */
async function* beams(
  runner: ContextRunner,
  { numBeams, lengthPenalty, maxNewTokens }: CheckedGenerate,
  endIds: readonly number[],
  signal: AbortSignal | undefined,
  onStep: () => void,
) {
  const { config, prompt } = runner.parts.manifest;
  const most = Math.min(maxNewTokens, runner.capacity - runner.length);
  const logits = await runner.lastLogits(signal);
  const { lanes, seen } = await runner.lanes(numBeams * most);
  using _ = lanes;
  yield* await beamSearch({
    logits,
    vocab: config.vocab,
    beams: numBeams,
    maxNewTokens: most,
    lengthPenalty,
    endIds,
    suppress: prompt.suppressIds,
    lanes,
    seen: { ...seen, signal },
    onStep,
  });
}
