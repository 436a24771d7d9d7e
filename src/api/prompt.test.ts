import { describe, expect, it } from 'vitest';
import type { Part } from '../session/types';
import { buildExchange, buildPrompt, encoded, type PromptPiece } from './prompt';

const template = { question: 'Question: {text} Answer:', caption: 'Output:{text}' };
const words = (value: string): PromptPiece => ({ type: 'text', value });
const picture = (id: string): PromptPiece => ({ type: 'media', value: { id, frames: 1 } });

function show(parts: readonly Part[]): string {
  return parts
    .map((part) => (part.type === 'text' ? part.value : part.type === 'media' ? `[${part.value.id}]` : '<end>'))
    .join('');
}

describe('buildPrompt', () => {
  it.each<[string, PromptPiece[], boolean, string]>([
    ['pictures stand before the template', [picture('a'), words(' What? ')], false, '[a]Question: What? Answer:'],
    [
      'pictures stay between the words',
      [words('A cat: '), picture('a'), words(' and this: '), picture('b')],
      false,
      'Question: A cat: [a] and this:[b] Answer:',
    ],
    ['pictures alone ask for a caption', [picture('a'), words(' '), picture('b')], false, '[a][b]Output:'],
    ['the previous answer is closed', [words('And now?')], true, '<end>Question: And now? Answer:'],
    ['special tokens in words stay words', [words('<image> {text}')], false, 'Question: <image> {text} Answer:'],
  ])('%s', (_name, message, continues, expected) => {
    expect(show(buildPrompt(template, message, continues))).toBe(expected);
  });

  it('pictures stand where the template has a place for them, its last line break stays', () => {
    const asking = { question: 'User:{media}{text} Bot:\n', caption: 'User:{media}Describe it. Bot:\n' };
    expect(show(buildPrompt(asking, [picture('a'), words('What?')], false))).toBe('User:[a]What? Bot:\n');
    expect(show(buildPrompt(asking, [words('This: '), picture('a')], true))).toBe('<end>User:This:[a] Bot:\n');
    expect(show(buildPrompt(asking, [picture('a'), picture('b')], false))).toBe('User:[a][b]Describe it. Bot:\n');
  });

  it('special tokens of a template are tokens', () => {
    const templateTokens = [{ content: '<answer>', id: 7 }];
    const asking = { question: 'User: {text} GPT:<answer>', caption: 'What is it?<answer>', templateTokens };
    expect(buildPrompt(asking, [picture('a'), words('<answer>?')], false)).toEqual([
      picture('a'),
      { type: 'text', value: 'User: ' },
      words('<answer>?'),
      { type: 'text', value: ' GPT:' },
      { type: 'token', id: 7 },
    ]);
    expect(buildPrompt(asking, [picture('a')], false)).toEqual([
      picture('a'),
      words('What is it?'),
      { type: 'token', id: 7 },
    ]);
  });

  it('replays an exchange as it was read and answered', () => {
    expect(show(buildExchange(template, [picture('a'), words('What?')], ' red', true))).toBe(
      '<end>[a]Question: What? Answer: red',
    );
  });
});

it('a chunk of a document ends before its picture, without the blank that shows it', () => {
  const handles = new Map(['a', 'b'].map((id) => [id, { id, frames: 1 }]));
  const shown = (endsChunk: boolean) => ({ type: 'picture', value: { id: endsChunk ? 'b' : 'a', endsChunk } }) as const;
  const text = (value: string) => ({ type: 'text', value }) as const;
  const message = encoded([shown(false), text('A dog.\n'), shown(true), text('A cat.')], handles);
  expect(show(buildPrompt(template, message, false))).toBe('[a]Question: A dog.<end>[b]A cat. Answer:');
  expect(show(encoded([shown(true)], handles)), 'nothing stands before it').toBe('[b]');
});
