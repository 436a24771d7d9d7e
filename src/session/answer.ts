import { type Piece, StopFilter } from '../text/stop-filter';
import { type Choice, choose } from './choose';
import type { CheckedGenerate } from './options';
import type { ContextRunner } from './runner';
import type { GeneratedToken } from './types';

/**
 * Streams an answer, and tells of each step how long they took so far on average. The context keeps the tokens that were given: a stop string's own tokens are
 * neither given nor kept.
 */
export async function* answer(
  runner: ContextRunner,
  options: CheckedGenerate,
  signal: AbortSignal | undefined,
  onStep: (msPerToken: number) => void,
): AsyncGenerator<GeneratedToken, void, undefined> {
  const { endOfChunkId, stopIds } = runner.parts.manifest.prompt;
  const detokenizer = runner.parts.tokenizer.detokenizer();
  const filter = new StopFilter<Choice>(options.stop);
  const started = performance.now();
  let steps = 0;
  const before = runner.length;
  let given = 0;
  const timed = () => onStep((performance.now() - started) / ++steps);
  const shown = function* (pieces: readonly Piece<Choice>[]) {
    for (const { token, text } of pieces) {
      if (token.id >= 0) given++;
      yield described(runner, token, text);
    }
  };
  try {
    for await (const choice of choose(runner, options, [endOfChunkId, ...stopIds], signal, timed)) {
      if (choice.ends) break;
      yield* shown(filter.push({ token: choice, text: detokenizer.push(choice.id) }));
      if (filter.stopped) return;
    }
    const rest = detokenizer.flush();
    if (rest) yield* shown(filter.push({ token: { id: -1, ends: false }, text: rest }));
    yield* shown(filter.flush());
  } finally {
    runner.forgetFrom(before + given);
  }
}

function described(runner: ContextRunner, { id, logprobs, attention }: Choice, text: string): GeneratedToken {
  const token: GeneratedToken = { id, text };
  if (attention) token.attention = attention;
  if (!logprobs) return token;
  const { tokenizer } = runner.parts;
  const topLogprobs = logprobs.top.map((each) => ({ ...each, text: tokenizer.decode([each.id]) }));
  return { ...token, logprob: logprobs.chosen, ...(topLogprobs.length > 0 ? { topLogprobs } : {}) };
}
