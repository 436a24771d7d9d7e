import { join } from 'node:path';
import { expect, test } from 'vitest';
import { buildPrompt } from '../../api/prompt';
import { FlamingoError } from '../../core/errors';
import { openFile } from '../../format/file-node';
import { openSafetensors } from '../../format/safetensors';
import { TokenContext } from '../../session/context';
import { ContextRunner } from '../../session/runner';
import type { Part } from '../../session/types';
import { GOLDENS } from '../../testing/parity';
import { TextTokenizer } from '../../text/tokenizer';
import { openSourceModel } from '../source-model';

// What a session reads of parts must be what upstream's processor reads of the same prompt written out.

const VOCAB = 700;

/** A golden's template, and the ids that a session makes of parts. */
async function session(golden: string, tower?: string) {
  const model = join(GOLDENS, golden);
  await using source = await openSourceModel({ model, vision: tower && join(model, tower) });
  const { prompt, tokenizer } = source;
  const text = new TextTokenizer(tokenizer.text);
  const parts = {
    tokenizer: text,
    manifest: { prompt, config: { vocab: VOCAB, gated: {} } },
    media: { get: () => undefined },
  };
  const runner = new ContextRunner(parts as never, { capacity: 1000 } as never);
  const ids = (...calls: (readonly Part[])[]) => written(runner, calls).ids;
  return { prompt, text, ids, context: (...calls: (readonly Part[])[]) => written(runner, calls) };
}

/** What one call of `append` after the other makes. */
function written(runner: ContextRunner, calls: (readonly Part[])[]): TokenContext {
  return calls.reduce((context, parts) => runner.extended(context, parts), new TokenContext());
}

async function expectedIds(golden: string, id: string): Promise<number[]> {
  await using source = await openSafetensors(await openFile(join(GOLDENS, golden, 'expected.safetensors')));
  return Array.from(await source.read(`${id}/input_ids`));
}

const picture = (id: string): Part => ({ type: 'media', value: { id, frames: 1 } });
const words = (value: string): Part => ({ type: 'text', value });

test.each(['idefics', 'idefics-instruct'])(
  '%s: pictures stand between fake tokens, neighbours share one',
  async (golden) => {
    const { ids } = await session(golden);
    expect(ids([picture('a'), words('Output:')])).toEqual(await expectedIds(golden, 'caption'));
    expect(ids([picture('a'), picture('b'), words('Output:')])).toEqual(await expectedIds(golden, 'adjacent'));
  },
);

test.each(['otter-image', 'otter-video'])('%s: the answer token of the template is a token', async (golden) => {
  const { prompt, ids } = await session(golden);
  const [id, question] = golden === 'otter-image' ? ['one', 'What is this?'] : ['clip', 'What moves to the left?'];
  const said = buildPrompt(prompt, [picture('a'), words(question)] as never, false);
  expect(ids(said)).toEqual(await expectedIds(golden, id));
});

test('mllama: a context begins behind its first pictures, and a chat message has them behind its header', async () => {
  const { prompt, ids } = await session('mllama');
  const expected = (id: string) => expectedIds('mllama', id);
  const [a, b] = [picture('a'), picture('b')];
  expect(ids([a, words('Output:')])).toEqual(await expected('one'));
  expect(ids([a, b, words('Output: a small town')])).toEqual(await expected('adjacent'));
  const lamp = 'What colour is the lamp?';
  expect(ids([words('two boats near the sea. '), a, words(lamp)])).toEqual(await expected('text-first'));
  expect(ids([words(`Question: ${lamp} Answer:`)])).toEqual(await expected('text-only'));
  expect(ids(buildPrompt(prompt, [a, words(lamp)] as never, false))).toEqual(await expected('chat'));
});

test('an utterance of IDEFICS instruct is closed with its token and a line break', async () => {
  const { prompt, text, ids } = await session('idefics-instruct');
  const turn = buildPrompt(prompt, [words('And now?')] as never, true);
  const written = '<end_of_utterance>\nUser: And now?<end_of_utterance>\nAssistant:';
  expect(ids([words('yes'), ...turn])).toEqual(text.encodePrompt(`yes${written}`));
  expect(prompt.stopIds).toContain(602);
});

test('flamingo-mini continues a picture', async () => {
  const { prompt, ids } = await session('mini-gpt2');
  expect(ids(buildPrompt(prompt, [picture('a')] as never, false))).toEqual(await expectedIds('mini-gpt2', 'caption'));
});

test('flamingo-mini without a token for pictures writes `<image>`, and the picture stands at its first token', async () => {
  const { prompt, text, ids } = await session('mini-text', 'clip');
  expect(ids([picture('a')])).toEqual(await expectedIds('mini-text', 'caption'));
  expect(prompt).toMatchObject({
    imageTokenId: text.encodeText('<')[0],
    imageTokenAfterSpace: text.encodeText(' <')[0],
  });
  const spaced = await expectedIds('mini-text', 'text-first');
  expect(spaced).toContain(prompt.imageTokenAfterSpace);
  expect(ids([words('two boats. '), picture('a'), words('a small')])).toEqual(spaced);
  expect(ids([words('two boats. '), words('a small')])).toEqual(text.encodeText('two boats. a small'));
});

test('a space that an earlier call ended with belongs to the token of the picture behind it, until the picture is taken back', async () => {
  const { text, ids, context } = await session('mini-text', 'clip');
  const [a, lead] = [picture('a'), words('two boats. ')];
  expect(ids([lead], [a, words('a small')])).toEqual(await expectedIds('mini-text', 'text-first'));
  for (const value of ['cat', 'cat ', 'cat   ', 'cat\n ', 'cat\n'])
    expect(ids([words(value)], [a]), JSON.stringify(value)).toEqual(text.encodePrompt(`${value}<image>`));
  const [before, after] = [context([lead]), context([lead], [a])];
  const { length } = before;
  after.truncate(length);
  expect(after.ids).toEqual(before.ids);
  expect(after.tokens.at(-1)?.seen).toEqual([]);
  expect(text.decode(after.ids)).toBe('two boats. ');
});

test('a token part outside the vocabulary, or the image token, is refused', async () => {
  const { prompt, ids } = await session('idefics');
  for (const id of [VOCAB, -1, 1.5, prompt.imageTokenId]) {
    expect(() => ids([{ type: 'token', id }])).toThrow(FlamingoError);
  }
});
