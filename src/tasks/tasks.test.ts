import { describe, expect, test } from 'vitest';
import { permutation, permutations } from '../core/permutations';
import { buildPrompt, promptText, type TaskItem } from './build-prompt';
import { drawExamples } from './draw-examples';
import upstream from './fixtures/prompts.json';
import { inPackageWords } from './package-prompts';
import { postProcess } from './post-process';
import { TASKS, taskOf } from './templates';

const item = (fields: TaskItem<string>['fields'], media = ['picture']): TaskItem<string> => ({ fields, media });
const code = (code: string) => expect.objectContaining({ code });

describe('prompts have upstream’s bytes', () => {
  test.each(upstream.prompts)('$task with $shots shots', ({ task, shots, demos, query, prompt }) => {
    const parts = buildPrompt(
      taskOf(task),
      demos.map((fields) => item(fields)),
      item(query as TaskItem<string>['fields']),
      {
        textOnlyExamples: shots === 0,
      },
    );
    expect(promptText(parts)).toBe(prompt);
    expect(parts.filter(({ type }) => type === 'media')).toHaveLength(shots + 1);
    expect(parts.filter(({ type }) => type === 'end-of-chunk')).toHaveLength(demos.length);
  });
});

test.each(upstream.vqa)('VQA answer %j is cut to %j', (text, expected) => {
  expect(postProcess('vqa', text)).toBe(expected);
});

test.each(upstream.caption)('caption %j is cut to %j', (text, expected) => {
  expect(postProcess('caption', text)).toBe(expected);
});

test('a package’s own words take the place of upstream’s', () => {
  const words = { question: 'Question: {text} Answer:', caption: 'Output:' };
  const vqa = inPackageWords(taskOf('vqa'), words);
  const example = item({ question: 'Who?', answer: 'he' });
  expect(promptText(buildPrompt(vqa, [example], item({ question: 'Why?' })))).toBe(
    '<image>Question: Who? Answer: he<|endofchunk|><image>Question: Why? Answer:',
  );
  const caption = inPackageWords(taskOf('caption'), words);
  expect(promptText(buildPrompt(caption, [item({ caption: 'dax' })], item({})))).toBe(
    '<image>Output: dax<|endofchunk|><image>Output:',
  );
  expect(inPackageWords(taskOf('hateful-memes'), words)).toBe(taskOf('hateful-memes'));
});

test('a package’s special tokens are tokens, its pictures stand at their slot, and answers follow as in its example', () => {
  const tokens = [
    { content: '<user>', id: 7 },
    { content: '<end>', id: 8 },
    { content: '<bot>', id: 9 },
  ];
  const message = (text: string) => `<user>{media}${text}<end><bot>\n`;
  const chat = {
    ...{ question: message('{text}'), caption: message('Describe it.'), example: `${message('Describe it.')}{text}` },
    ...{ templateTokens: tokens, endOfChunkToken: '<end>', endOfChunkId: 8 },
  };
  const vqa = inPackageWords(taskOf('vqa'), chat);
  const parts = buildPrompt(vqa, [item({ question: 'Who?', answer: 'he' })], item({ question: '<user>?' }));
  expect(parts).toEqual(
    [
      ...[
        { type: 'token', id: 7 },
        { type: 'media', value: 'x' },
        { type: 'text', value: 'Who?' },
      ],
      ...[
        { type: 'token', id: 8 },
        { type: 'token', id: 9 },
        { type: 'text', value: '\nhe' },
        { type: 'end-of-chunk' },
      ],
      ...[
        { type: 'token', id: 7 },
        { type: 'media', value: 'x' },
        { type: 'text', value: '<user>?' },
      ], // a field stays text
      ...[
        { type: 'token', id: 8 },
        { type: 'token', id: 9 },
        { type: 'text', value: '\n' },
      ],
    ].map((part) => (part.type === 'media' ? { ...part, value: item({}).media[0] } : part)),
  );
  const caption = inPackageWords(taskOf('caption'), chat);
  expect(promptText(buildPrompt(caption, [], item({})), tokens)).toBe('<user><image>Describe it.<end><bot>\n');
  const history = [{ question: 'Who?', answer: 'he' }];
  const dialogue = buildPrompt(
    inPackageWords(taskOf('visual-dialogue'), chat),
    [],
    item({ question: 'Why?', history }),
  );
  expect(promptText(dialogue, tokens)).toBe('<image><user>Who?<end><bot>\nhe<end><user>Why?<end><bot>\n');
  const plain = inPackageWords(taskOf('caption'), { question: '{text}', caption: '', example: '{text}' });
  expect(promptText(buildPrompt(plain, [item({ caption: 'dax' })], item({})))).toBe('<image>dax<|endofchunk|><image>');
  const asked = inPackageWords(taskOf('vqa'), { question: '{text}', caption: '', example: '{text}' });
  expect(asked.beforeLabel).toBe(' ');
});

test('OK-VQA answers are stemmed by upstream’s table', () => {
  expect(postProcess('ok-vqa', 'riding skateboarders, Question')).toBe('ride skateboard');
  expect(postProcess('ok-vqa', "hell's jeans")).toBe('hell jean');
  expect(postProcess('ok-vqa', 'constructor')).toBe('constructor');
});

test('a dialogue has the paper’s prefix, earlier turns, and one picture', () => {
  const history = [{ text: 'What is it?', answer: 'A bird.' }];
  const parts = buildPrompt(taskOf('dialogue'), [], item({ history, text: 'What colour?' }));
  const text = promptText(parts);
  expect(text).toMatch(/^This is a conversation between a human, User, and an intelligent visual AI, Flamingo\./);
  expect(text.endsWith('User: What is it?\nFlamingo: A bird.\nUser: <image>What colour?\nFlamingo:')).toBe(true);
});

test('visual dialogue repeats the question template; a first turn has no history', () => {
  const task = taskOf('visual-dialogue');
  expect(promptText(buildPrompt(task, [], item({ question: 'Why?' })))).toBe('<image>Question:Why? Short answer:');
  const history = [{ question: 'Who?', answer: 'he' }];
  expect(promptText(buildPrompt(task, [], item({ question: 'Why?', history })))).toBe(
    '<image>Question:Who? Short answer:he\nQuestion:Why? Short answer:',
  );
});

test('interleaved text brings its own image tokens, each with its medium', () => {
  const parts = buildPrompt(taskOf('interleaved'), [], item({ prompt: 'a <image> b<image>' }, ['x', 'y']));
  expect(parts.map((part) => ('value' in part ? part.value : part.type))).toEqual(['a ', 'x', ' b', 'y']);
});

test.each([
  [
    'label with the chunk-end text',
    [item({ question: 'q', answer: 'a<|endofchunk|>b' })],
    item({ question: 'q' }),
    'invalid-option',
  ],
  ['label that is empty', [item({ question: 'q', answer: ' ' })], item({ question: 'q' }), 'invalid-option'],
  ['question with an image token', [], item({ question: '<image>' }), 'invalid-option'],
  ['missing field', [], item({}), 'invalid-option'],
  ['field that only the prototype has', [], item({ constructor: 'x' }), 'invalid-option'],
  ['more pictures than tokens', [], item({ question: 'q' }, ['a', 'b']), 'media-count'],
  ['more tokens than pictures', [item({ question: 'q', answer: 'a' }, [])], item({ question: 'q' }), 'media-count'],
])('refused: %s', (_name, examples, query, expected) => {
  expect(() => buildPrompt(taskOf('vqa'), examples, query)).toThrow(code(expected));
});

test('tasks have different names, and an unknown one is named', () => {
  expect(new Set(TASKS.map(({ name }) => name)).size).toBe(TASKS.length);
  expect(() => taskOf('vcr')).toThrow(/There is no task vcr; there are caption, /);
});

test('examples are drawn by seed, without repetition, and a larger draw begins with the smaller', () => {
  const many = drawExamples(100, 32, 7);
  expect(new Set(many).size).toBe(32);
  expect(drawExamples(100, 8, 7)).toEqual(many.slice(0, 8));
  expect(drawExamples(100, 32, 8)).not.toEqual(many);
  expect(() => drawExamples(3, 4, 0)).toThrow(code('invalid-option'));
  expect(permutation(50, 1).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
});

test.each([
  [0, 1],
  [1, 1],
  [2, 2],
  [3, 6],
  [8, 6],
])('%d examples are ensembled over %d orders', (n, count) => {
  const orders = permutations(n, 6, 3);
  expect(new Set(orders.map(String)).size).toBe(count);
  expect(orders).toHaveLength(count);
});
