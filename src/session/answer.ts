import { FlamingoError } from '../core/errors';
import { choose } from './choose';
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
  const { endOfChunkId, stopIds } = runner.parts.manifest.prompt;
  const detokenizer = runner.parts.tokenizer.detokenizer();
  const started = performance.now();
  let steps = 0;
  const before = runner.length;
  let given = 0;
  const timed = () => onStep((performance.now() - started) / ++steps);
  try {
    for await (const { id, ends } of choose(runner, options, [endOfChunkId, ...stopIds], signal, timed)) {
      if (ends) break;
      given++;
      yield { id, text: detokenizer.push(id) };
    }
    const rest = detokenizer.flush();
    if (rest) yield { id: -1, text: rest };
  } finally {
    runner.forgetFrom(before + given);
  }
}

/** What the types promise and this version does not do yet. */
function refuse(options: CheckedGenerate): void {
  const plain = { minP: 0, repetitionPenalty: 1, noRepeatNgramSize: 0, logprobs: false, attention: false };
  const asked = Object.entries({ ...plain, visualStrength: 1 }).find(
    ([name, value]) => options[name as keyof CheckedGenerate] !== value,
  )?.[0];
  const name = asked ?? (options.stop.length > 0 ? 'stop' : options.responseConstraint && 'responseConstraint');
  if (name) throw new FlamingoError('unsupported', `generate: ${name} is not there yet.`, { hint: 'Leave it out.' });
}
