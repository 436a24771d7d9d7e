import { describe, expect, it } from 'vitest';
import type { Part } from '../session/types';
import { buildExchange, buildPrompt, type PromptPiece } from './prompt';

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
