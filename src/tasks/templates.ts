import { FlamingoError } from '../core/errors';
import type { TaskTemplate } from './template';

const OPEN = { prefix: '', beforeLabel: '', separator: '\n', closed: false, beams: 3, lengthPenalty: 0 } as const;
const CLOSED = { ...OPEN, separator: '', closed: true, post: 'none', maxNewTokens: 1, beams: 1 } as const;

const VQA = {
  ...OPEN,
  query: '<image>Question:{question} Short answer:',
  label: 'answer',
  metric: 'vqa-accuracy',
  post: 'vqa',
  maxNewTokens: 5,
} as const;

/** Flamingo (2022), appendix D, as one of its authors quotes it; lines of the print are joined. The pictures it names are words. */
const DIALOGUE_PREFIX = [
  'This is a conversation between a human, User, and an intelligent visual AI, Flamingo. User sends images, and Flamingo describes them.',
  'User: <a cat image>',
  "Flamingo: That is a cat. It's a tiny kitten with really cute big ears.",
  'User: <a dinner image>',
  'Flamingo: This is a picture of a group of people having dinner. They are having a great time!',
  'User: Can you guess what are they celebrating?',
  'Flamingo: They might be celebrating the end of a successful project or maybe a birthday?',
  'User: <a graph image>',
  'Flamingo: This is a graph, it looks like a cumulative density function graph.',
  '',
].join('\n');

/**
 * The first six have the bytes of the get_*_prompt functions in open_flamingo/eval/models/open_flamingo.py, joined as evaluate.py joins them, with its lengths and
 * beams. Upstream has none for the others: dialogue questions and clips use its question template, turn by turn.
 */
export const TASKS: readonly TaskTemplate[] = [
  {
    ...OPEN,
    name: 'caption',
    summary: 'describe a picture (COCO, Flickr30k)',
    query: '<image>Output:',
    label: 'caption',
    stripLabel: true,
    metric: 'cider',
    post: 'caption',
    maxNewTokens: 20,
  },
  { ...VQA, name: 'vqa', summary: 'short answers about a picture (VQAv2, VizWiz)' },
  { ...VQA, name: 'ok-vqa', summary: 'questions that need knowledge (OK-VQA)', post: 'ok-vqa' },
  { ...VQA, name: 'text-vqa', summary: 'questions about writing (TextVQA)', maxNewTokens: 10 },
  {
    ...CLOSED,
    name: 'classification',
    summary: 'one of a list of names (ImageNet)',
    query: '<image>Output:',
    label: 'class_name',
    metric: 'accuracy',
  },
  {
    ...CLOSED,
    name: 'hateful-memes',
    summary: 'yes or no, with the text in the picture given',
    query: "<image>is an image with: '{ocr}' written on it. Is it hateful? Answer:",
    label: 'class_name',
    labels: ['no', 'yes'],
    metric: 'roc-auc',
  },
  {
    ...VQA,
    name: 'visual-dialogue',
    summary: 'a question after earlier turns about the same picture',
    query: '<image>{history}Question:{question} Short answer:',
    turns: { field: 'history', text: 'Question:{question} Short answer:{answer}\n' },
    maxNewTokens: 20,
  },
  { ...VQA, name: 'video-qa', summary: 'short answers about a clip', maxNewTokens: 10 },
  {
    ...OPEN,
    name: 'dialogue',
    summary: 'conversation behind the prefix of the Flamingo paper',
    prefix: DIALOGUE_PREFIX,
    query: '{history}User: <image>{text}\nFlamingo:',
    beforeLabel: ' ',
    label: 'answer',
    turns: { field: 'history', text: 'User: {text}\nFlamingo: {answer}\n' },
    metric: 'vqa-accuracy',
    post: 'first-line',
    maxNewTokens: 64,
  },
  {
    ...OPEN,
    name: 'interleaved',
    summary: 'a text of its own with pictures between the words',
    query: '{prompt}',
    interleaved: 'prompt',
    label: 'answer',
    metric: 'vqa-accuracy',
    post: 'vqa',
    maxNewTokens: 20,
  },
];

/** The task of a name. Throws `invalid-option` naming those there are. */
export function taskOf(name: string): TaskTemplate {
  const task = TASKS.find((each) => each.name === name);
  if (task) return task;
  const known = TASKS.map((each) => each.name);
  throw new FlamingoError('invalid-option', `There is no task ${name}; there are ${known.join(', ')}.`, {
    hint: 'Choose one of them.',
    details: { name, known },
  });
}
