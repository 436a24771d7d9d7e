import { FlamingoError, throwIfAborted } from '../core/errors';
import type { CheckedGenerate } from './options';
import type { ContextRunner } from './runner';
import type { GeneratedToken } from './types';

/** Streams an answer, and tells of each step how long they took so far on average. The context keeps the tokens that were given. */
export async function* answer(
  runner: ContextRunner,
  options: CheckedGenerate,
  signal: AbortSignal | undefined,
  onStep: (msPerToken: number) => void,
): AsyncGenerator<GeneratedToken, void, undefined> {
  refuse(options);
  const { endOfChunkId, stopIds, suppressIds } = runner.parts.manifest.prompt;
  const stops = new Set([endOfChunkId, ...stopIds]);
  runner.checkRoom();
  runner.useStrength(options.visualStrength);
  const { temperature, topK, topP, seed } = options;
  const detokenizer = runner.parts.tokenizer.detokenizer();
  const started = performance.now();
  for (let step = 0; step < options.maxNewTokens && runner.length < runner.capacity; step++) {
    throwIfAborted(signal);
    const sample = { temperature, topK, topP, seed, step, suppress: suppressIds };
    const { token } = await runner.runUntil(runner.length, signal, { sample });
    if (token === undefined) throw new FlamingoError('internal', 'The executor chose no token.');
    onStep((performance.now() - started) / (step + 1));
    if (stops.has(token)) break;
    runner.context.pushTokens([token]);
    yield { id: token, text: detokenizer.push(token) };
  }
  const rest = detokenizer.flush();
  if (rest) yield { id: -1, text: rest };
}

/** What the types promise and this version does not do yet. */
function refuse(options: CheckedGenerate): void {
  const plain = { minP: 0, repetitionPenalty: 1, noRepeatNgramSize: 0, logprobs: false, numBeams: 1, attention: false };
  const asked = Object.entries({ ...plain, visualStrength: 1 }).find(
    ([name, value]) => options[name as keyof CheckedGenerate] !== value,
  )?.[0];
  const name = asked ?? (options.stop.length > 0 ? 'stop' : options.responseConstraint && 'responseConstraint');
  if (name) throw new FlamingoError('unsupported', `generate: ${name} is not there yet.`, { hint: 'Leave it out.' });
}
