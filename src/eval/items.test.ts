import { expect, test } from 'vitest';
import { curveSvg } from './curve-svg';
import type { ItemResult } from './evaluate';
import { checkedLabels, parseItems } from './items';
import { PUBLISHED_SETS, publishedFor } from './published';
import { summarize } from './summary';

const lines = (...objects: object[]) => objects.map((object) => JSON.stringify(object)).join('\n');

test.each([
  ['vqa', { image: 'a.png', question: 'q', answers: ['x', 'y'] }, ['x', 'y']],
  ['caption', { image: 'a.png', captions: ['x', 'y'] }, ['x', 'y']],
  ['caption', { image: 'a.png', text: 'x' }, ['x']],
  ['classification', { image: 'a.png', class_name: 'x' }, ['x']],
  ['hateful-memes', { image: 'a.png', ocr: 'o', label: 1 }, ['yes']],
  ['visual-dialogue', { image: 'a.png', question: 'q', history: [], answer: 'x' }, ['x']],
  ['video-qa', { frames: ['a.png', 'b.png'], question: 'q', answer: 'x' }, ['x']],
  ['interleaved', { images: ['a.png'], text: 'see <image>', answer: 'x' }, ['x']],
])('the fields tell the task: %s', (task, line, references) => {
  const data = parseItems('t.jsonl', lines(line));
  expect(data.task.name).toBe(task);
  expect(data.items[0]).toMatchObject({ references, line: 1, id: '1', split: 'both' });
});

test('media are lists of frames, lines are counted with the empty ones, split names are those of data sets', () => {
  const text = `\n${lines({ id: 7, split: 'train', frames: ['a', 'b'], question: 'q', answer: 'x' }, { split: 'test', images: ['c'], question: 'q', answer: 'x' })}`;
  const { items } = parseItems('t.jsonl', text, 'vqa');
  expect(items.map(({ line, id, split, media }) => ({ line, id, split, media }))).toEqual([
    { line: 2, id: '7', split: 'support', media: [['a', 'b']] },
    { line: 3, id: '3', split: 'query', media: [['c']] },
  ]);
});

test.each([
  ['no line', '', /has 0 lines/],
  ['no JSON', `${lines({ image: 'a', caption: 'x' })}\n{"image":`, /line 2: it is not JSON/],
  ['another type', lines({ image: 3, caption: 'x' }), /line 1: image/],
  ['no answer', lines({ image: 'a', question: 'q' }), /line 1: it has no answers/],
  [
    'an id twice',
    lines({ id: 'a', image: 'a', caption: 'x' }, { id: 'a', image: 'a', caption: 'x' }),
    /line 2: the id a is that of line 1/,
  ],
  ['two kinds of media', lines({ image: 'a', frames: ['b'], caption: 'x' }), /more than one of image/],
  [
    'a label with the chunk-end text',
    lines({ image: 'a', caption: 'x<|endofchunk|>y' }),
    /line 1: it contains <\|endofchunk\|>/,
  ],
  [
    'a question with an image token',
    lines({ image: 'a', question: '<image>', answer: 'x' }),
    /line 1: it contains <image>/,
  ],
  ['nothing that tells the task', lines({ image: 'a' }), /do not tell the task/],
])('refused: %s', (_name, text, message) => {
  expect(() => parseItems('t.jsonl', text)).toThrow(message);
  expect(() => parseItems('t.jsonl', text)).toThrow(expect.objectContaining({ code: 'bad-file' }));
});

test.each([
  [[], /0 labels/],
  [['a', ' '], /label 2 of 2 is empty/],
  [['a', 'b', 'a'], /"a" is there twice among 3/],
])('labels %j are refused', (labels, message) => {
  expect(() => checkedLabels(labels, 'x')).toThrow(message);
  expect(checkedLabels(['a', 'b'], 'x')).toEqual(['a', 'b']);
});

const result = (shots: number, answer: string, reference: string, yes?: number): ItemResult => ({
  ...{ shots, line: 1, id: '1', raw: answer, answer, references: [reference], examples: [] },
  ...(yes === undefined ? {} : { shares: { no: 1 - yes, yes } }),
});

test('a curve has a point per number of shots, times 100, with the interval of its metric', () => {
  const results = [result(0, ' a', 'a'), result(0, 'b', 'a'), result(4, 'a', 'a'), result(4, 'a', 'a')];
  const { curve } = summarize('accuracy', results);
  expect(curve.map(({ shots, items, value }) => [shots, items, value])).toEqual([
    [0, 2, 50],
    [4, 2, 100],
  ]);
  expect(curve[0].low).toBeCloseTo(9.453, 2);
  expect(summarize('vqa-accuracy', results).curve.map(({ value }) => value)).toEqual([50, 100]);
  expect(
    summarize('cider', [result(1, 'a red cat', 'a red cat'), result(1, 'two dogs', 'a blue bird')]).curve[0].value,
  ).toBeCloseTo(375, 6);
});

test('ROC-AUC takes the share of the greater label; one class alone is a note', () => {
  const results = [
    result(0, 'yes', 'yes', 0.9),
    result(0, 'no', 'no', 0.2),
    result(0, 'no', 'yes', 0.1),
    result(2, 'no', 'no', 0.1),
  ];
  const { curve, notes } = summarize('roc-auc', results);
  expect(curve).toEqual([expect.objectContaining({ shots: 0, value: 50 })]);
  expect(notes).toEqual([expect.stringMatching(/^2 shots: .* 0 positive and 1 negative/)]);
});

test('the drawing holds both curves, ours with intervals, theirs marked, and escapes what it is given', () => {
  const curve = [{ shots: 0, items: 9, value: 40, low: 30, high: 50 }];
  const svg = curveSvg({ title: 'a<b & c', unit: '%', curve, published: publishedFor('vqav2') });
  expect(svg).toContain('a&lt;b &amp; c');
  expect(svg).toContain('0 shots: 40 (30 to 50), 9 items');
  expect(svg.match(/\(theirs\)/g)).toHaveLength(publishedFor('vqav2').length);
  expect(svg.match(/<g>/g)).toHaveLength(1 + publishedFor('vqav2').length);
  expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  expect(curveSvg({ title: '', unit: '', curve: [] })).not.toMatch(/NaN|undefined|Infinity/);
  expect(() => publishedFor('imagenet')).toThrow(/0 published curves of imagenet; there are some of coco, vqav2/);
});

test.each(PUBLISHED_SETS)(
  'published curves of %s name a source that can be read, and have shots in order',
  (dataset) => {
    for (const { source, points } of publishedFor(dataset)) {
      expect(source).toMatch(/laion\.ai\/blog\/|\.md of mlfoundations\/open_flamingo at [0-9a-f]{7}/);
      const shots = points.map(([count]) => count);
      expect(shots).toEqual([...new Set(shots)].sort((a, b) => a - b));
      expect(points.every(([count, value]) => Number.isInteger(count) && value > 0 && value < 200)).toBe(true);
    }
    const known = publishedFor(dataset).find(({ model }) => model === 'OpenFlamingo-9B v1');
    expect(known?.points.at(-1)).toEqual(dataset === 'coco' ? [32, 84.52] : [32, 50.34]);
  },
);
