import { FlamingoError, throwIfAborted } from '../core/errors';
import type { SampleOptions, TokenLogprobs } from '../core/executor';
import { bitMask, hasBit } from '../core/sampling';
import { beamSearch } from '../sampling/beam-search';
import { penalize, repeatedNgrams } from '../sampling/repeats';
import type { Guide } from '../text/constraint/guide';
import { lastAttention } from './attention';
import { guideFor } from './constraint';
import type { CheckedGenerate } from './options';
import type { ContextRunner } from './runner';
import type { TokenAttention } from './types';

/** A chosen token. It is in the context unless it ended the answer. */
export interface Choice {
  id: number;
  ends: boolean;
  logprobs?: TokenLogprobs;
  attention?: TokenAttention;
}

type Chosen = Omit<Choice, 'ends'>;

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
  const guide = options.responseConstraint && guideFor(runner, options.responseConstraint, stopIds);
  const chosen =
    options.numBeams > 1
      ? beams(runner, options, { stopIds, guide, onStep }, signal)
      : draws(runner, options, guide, signal);
  for await (const choice of chosen) {
    if (options.numBeams === 1) onStep();
    const isEnd = ends.has(choice.id);
    if (!isEnd) runner.context.pushTokens([choice.id]);
    yield { ...choice, ends: isEnd };
    if (isEnd) return;
  }
}

async function* draws(
  runner: ContextRunner,
  options: CheckedGenerate,
  guide: Guide | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<Chosen> {
  const own: number[] = [];
  for (let step = 0; step < options.maxNewTokens && runner.length < runner.capacity; step++) {
    throwIfAborted(signal);
    const sample = sampleOptions(runner, options, step, guide?.allowed(own));
    const taps = options.attention ? runner.attentionTaps : undefined;
    if (taps) await runner.runUntil(runner.length - 1, signal); // the taps of the last token alone
    const result = await runner.runUntil(runner.length, signal, { sample, taps });
    if (result.token === undefined || result.token >= runner.parts.manifest.config.vocab)
      throw new FlamingoError('internal', 'The executor chose no token.');
    const attention = taps && { attention: lastAttention(runner, result.taps) };
    own.push(result.token);
    yield { id: result.token, ...(result.logprobs ? { logprobs: result.logprobs } : {}), ...attention };
  }
}

/** One step's choice. The masks are made only where a penalty or a ban asks for them. */
function sampleOptions(
  runner: ContextRunner,
  options: CheckedGenerate,
  step: number,
  allowed: Uint32Array | undefined,
): SampleOptions {
  const { config, prompt } = runner.parts.manifest;
  const { temperature, topK, topP, minP, seed, repetitionPenalty, noRepeatNgramSize, logprobs, topLogprobs } = options;
  const sample: SampleOptions = { temperature, topK, topP, minP, seed, step, suppress: prompt.suppressIds };
  if (logprobs) sample.logprobs = topLogprobs;
  if (repetitionPenalty !== 1) {
    sample.penalty = repetitionPenalty;
    sample.seen = bitMask(config.vocab, inVocabulary(runner));
  }
  const banned = noRepeatNgramSize > 0 ? repeatedNgrams(runner.context.ids, noRepeatNgramSize) : [];
  if (allowed) sample.allowed = allowed;
  if (banned.length > 0) {
    const mask = bitMask(config.vocab, banned);
    sample.allowed = mask.map((word, i) => (allowed?.[i] ?? -1) & ~word);
  }
  return sample;
}

/** Ids of the context that the head knows: some image tokens have a row in the table but none in the head. */
function inVocabulary({ context, parts }: ContextRunner): number[] {
  return context.ids.filter((id) => id < parts.manifest.config.vocab);
}

/** The best text of a beam search: the whole of it is known before its first token is given. */
async function* beams(
  runner: ContextRunner,
  options: CheckedGenerate,
  { stopIds, guide, onStep }: { stopIds: readonly number[]; guide: Guide | undefined; onStep(): void },
  signal: AbortSignal | undefined,
): AsyncGenerator<Chosen> {
  const { numBeams, lengthPenalty, maxNewTokens, noRepeatNgramSize, repetitionPenalty } = options;
  const { config, prompt } = runner.parts.manifest;
  const most = Math.min(maxNewTokens, runner.capacity - runner.length);
  const logits = await runner.lastLogits(signal);
  const { lanes, seen } = await runner.lanes(numBeams * most);
  using _ = lanes;
  const before = runner.context.ids;
  const known = inVocabulary(runner);
  const ids = await beamSearch({
    logits,
    vocab: config.vocab,
    beams: numBeams,
    maxNewTokens: most,
    lengthPenalty,
    endIds: stopIds,
    suppress: prompt.suppressIds,
    process(own, scores) {
      const allowed = guide?.allowed(own);
      for (let id = 0; allowed && id < scores.length; id++)
        if (!hasBit(allowed, id)) scores[id] = Number.NEGATIVE_INFINITY;
      if (repetitionPenalty !== 1) penalize(scores, [...known, ...own], repetitionPenalty);
      for (const id of repeatedNgrams([...before, ...own], noRepeatNgramSize)) scores[id] = Number.NEGATIVE_INFINITY;
    },
    lanes,
    seen: { ...seen, signal },
    onStep,
  });
  yield* ids.map((id) => ({ id }));
}
