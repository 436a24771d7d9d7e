import { FlamingoError } from '../core/errors';
import { PUBLISHED_SETS } from '../eval/published';
import { TASKS } from '../tasks/templates';
import type { Command } from './command';
import { runEval } from './eval';
import { EXECUTORS, oneOf } from './one-of';
import { table } from './text';

const DEFAULT_SHOTS = '0,1,2,4,8';
/** More examples than the paper ever gives. */
const MOST_SHOTS = 1024;

export const evalCommand: Command = {
  name: 'eval',
  usage: 'eval PACKAGE TASK.jsonl [--shots 0,1,2,4,8,16,32] [--rices] [--ensemble] [--out DIR]',
  summary: 'Answer a task with few shots, score it and draw the shot curve.',
  options: {
    shots: { type: 'string', help: `numbers of examples; default ${DEFAULT_SHOTS}` },
    task: { type: 'string', help: `${TASKS.map(({ name }) => name).join(', ')}; default: what the lines say` },
    seed: { type: 'string', help: 'draws the examples; default 0' },
    rices: { type: 'boolean', help: 'examples that look most like the query, instead of drawn ones' },
    by: { type: 'string', help: 'what --rices compares: features (default) or clip' },
    ensemble: { type: 'boolean', help: 'average labels over up to 6 orders of the examples' },
    labels: { type: 'string', help: 'file with the answers to choose from, one per line' },
    beams: { type: 'string', help: 'width of the beam search; default: the task’s, 3 for texts' },
    pictures: {
      type: 'string',
      help: 'seen (default); captions: each becomes its caption first; prefix: vectors in the text, by the package’s mapper',
    },
    prompts: { type: 'string', help: 'upstream (default): open_flamingo’s words; package: those of its model.json' },
    published: {
      type: 'string',
      help: `draw published curves of a data set beside ours: ${PUBLISHED_SETS.join(', ')}`,
    },
    out: { type: 'string', help: 'folder for results.jsonl, results.json and curve.svg; a second call goes on there' },
    executor: { type: 'string', help: `${EXECUTORS.join(', ')}; default auto` },
  },
  positionals: ['PACKAGE', 'TASK.jsonl'],
  async run({ text, flag, positionals: [folder, file], progress }) {
    const report = await runEval({
      package: folder,
      file,
      task: text('task'),
      shots: shotsOf(text('shots') ?? DEFAULT_SHOTS),
      seed: wholeNumber('seed', text('seed') ?? '0', 0),
      rices: flag('rices'),
      by: oneOf('by', text('by') ?? 'features', ['features', 'clip'] as const),
      ensemble: flag('ensemble'),
      pictures: oneOf('pictures', text('pictures') ?? 'seen', ['seen', 'captions', 'prefix'] as const),
      prompts: oneOf('prompts', text('prompts') ?? 'upstream', ['upstream', 'package'] as const),
      labels: text('labels'),
      beams: text('beams') === undefined ? undefined : wholeNumber('beams', text('beams')!, 1),
      out: text('out'),
      published: text('published'),
      executor: oneOf('executor', text('executor') ?? 'auto', EXECUTORS),
      onProgress: progress,
    });
    const rows = report.curve.map(({ shots, items, value, low, high }) => [
      `${shots}`,
      `${items}`,
      value.toFixed(1),
      `${low.toFixed(1)} – ${high.toFixed(1)}`,
    ]);
    const lines = [`${report.task}, ${report.metric}`, ...table(['shots', 'items', 'score', '95 %'], rows)];
    const out = text('out');
    return { json: report, lines: [...lines, ...report.notes, ...(out ? [`Written to ${out}.`] : [])] };
  },
};

function shotsOf(value: string): number[] {
  const shots = value.split(',').map((part) => wholeNumber('shots', part.trim(), 0));
  const wrong = shots.find((count, i) => count > MOST_SHOTS || shots.indexOf(count) !== i);
  if (wrong === undefined) return shots.sort((a, b) => a - b);
  const why = wrong > MOST_SHOTS ? `is more than ${MOST_SHOTS}` : 'is there twice';
  throw new FlamingoError('invalid-option', `--shots is ${value}; ${wrong} ${why}.`, {
    hint: 'Give numbers like 0,1,2,4,8,16,32.',
    details: { value },
  });
}

function wholeNumber(flag: string, value: string, least: number): number {
  const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= least) return number;
  throw new FlamingoError(
    'invalid-option',
    `--${flag} is ${JSON.stringify(value)}; a whole number from ${least} on is expected.`,
    {
      hint: `Give --${flag} ${Math.max(1, least)}, for example.`,
      details: { flag, value },
    },
  );
}
