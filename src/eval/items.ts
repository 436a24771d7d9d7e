import * as v from 'valibot';
import { FlamingoError } from '../core/errors';
import type { TaskTemplate } from '../tasks/template';
import { taskOf } from '../tasks/templates';

/** One line of a task file; docs/eval.md describes the format. */
export interface EvalItem {
  /** 1-based. */
  readonly line: number;
  readonly id: string;
  /** `support` lines are examples only, `query` lines are asked only; without either a line is both. */
  readonly split: 'support' | 'query' | 'both';
  readonly fields: Readonly<Record<string, string | Record<string, string>[]>>;
  /** Paths of pictures as written; a clip is a list of several. */
  readonly media: readonly (readonly string[])[];
  /** What is right, the first also as the label of an example. */
  readonly references: readonly string[];
  /** Answers to choose from, where this line brings its own. */
  readonly candidates?: readonly string[];
  /** The line itself, to notice changes. */
  readonly text: string;
}

export interface EvalData {
  readonly task: TaskTemplate;
  readonly items: readonly EvalItem[];
}

const text = v.string();
const filled = v.pipe(v.string(), v.nonEmpty('a text that is not empty'));
const texts = v.pipe(v.array(text), v.minLength(1));
const paths = v.pipe(v.array(filled), v.minLength(1));

const lineSchema = v.looseObject({
  id: v.optional(v.union([filled, v.number()])),
  task: v.optional(filled),
  split: v.optional(v.picklist(['support', 'train', 'query', 'test', 'val'])),
  image: v.optional(filled),
  images: v.optional(v.array(filled)),
  frames: v.optional(paths),
  answers: v.optional(texts),
  captions: v.optional(texts),
  answer: v.optional(text),
  caption: v.optional(text),
  class_name: v.optional(text),
  label: v.optional(v.union([text, v.number()])),
  text: v.optional(text),
  candidates: v.optional(v.array(text)),
  history: v.optional(v.array(v.record(v.string(), text))),
});
type Line = v.InferOutput<typeof lineSchema>;

/** Reads a task file. `taskName` wins over the lines' own. Throws `bad-file` naming the line and the field, `invalid-option` for an unknown task. */
export function parseItems(file: string, content: string, taskName?: string): EvalData {
  const rows = content.split('\n').map((raw, i) => ({ raw: raw.trim(), number: i + 1 }));
  const lines = rows
    .filter(({ raw }) => raw !== '')
    .map(({ raw, number }) => ({ raw, number, line: parseLine(file, raw, number) }));
  if (lines.length === 0)
    throw new FlamingoError('bad-file', `${file} has 0 lines.`, { hint: 'Give one JSON object per line.' });
  const task = taskOf(taskName ?? lines[0].line.task ?? guessTask(file, lines[0].line));
  const items = lines.map(({ raw, number, line }) => item(file, task, raw, number, line));
  const seen = new Map<string, number>();
  for (const { id, line } of items) {
    const before = seen.get(id);
    if (before !== undefined) throw wrong(file, line, `the id ${id} is that of line ${before}`);
    seen.set(id, line);
  }
  return { task, items };
}

/** A label that ends its own chunk, or brings a picture, would change what the prompt says. */
function refuseTokens(file: string, number: number, line: Line): void {
  const plain = { ...line, prompt: '', text: line.text?.replaceAll('<image>', '') };
  const text = JSON.stringify(Object.values(plain).filter((value) => value !== ''));
  const token = ['<|endofchunk|>', '<image>'].find((each) => text.includes(each));
  if (token) throw wrong(file, number, `it contains ${token}, which only the template may place`);
}

function parseLine(file: string, raw: string, number: number): Line {
  let json: unknown;
  try {
    json = JSON.parse(raw);
  } catch (cause) {
    throw wrong(file, number, `it is not JSON (${(cause as Error).message})`);
  }
  const result = v.safeParse(lineSchema, json);
  if (result.success) {
    refuseTokens(file, number, result.output);
    return result.output;
  }
  const [issue] = result.issues;
  throw wrong(file, number, `${v.getDotPath(issue) ?? 'it'}: ${issue.message}`);
}

/** The task that a line's fields speak of. */
function guessTask(file: string, line: Line): string {
  const has = (name: string) => name in line;
  if (has('ocr')) return 'hateful-memes';
  if (has('history')) return has('question') ? 'visual-dialogue' : 'dialogue';
  if (has('question')) return has('frames') ? 'video-qa' : 'vqa';
  if (has('prompt') || line.text?.includes('<image>')) return 'interleaved';
  if (has('class_name') || has('label')) return 'classification';
  if (has('caption') || has('captions') || has('text')) return 'caption';
  throw wrong(file, 1, 'its fields do not tell the task');
}

function item(file: string, task: TaskTemplate, raw: string, number: number, line: Line): EvalItem {
  const single = line.answer ?? line.caption ?? line.class_name ?? labelOf(line, task) ?? captionText(line, task);
  const references = line.answers ?? line.captions ?? (single === undefined ? [] : [single]);
  const split = line.split === 'support' || line.split === 'train' ? 'support' : line.split ? 'query' : 'both';
  if (references.length === 0) throw wrong(file, number, 'it has no answers, captions, class_name or label');
  const own = Object.entries(line).filter(([, value]) => typeof value === 'string' || typeof value === 'number');
  const fields: Record<string, string | Record<string, string>[]> = Object.fromEntries(
    own.map(([name, value]) => [name, `${value}`]),
  );
  if (line.history) fields.history = line.history;
  if (task.interleaved && !(task.interleaved in fields) && line.text !== undefined)
    fields[task.interleaved] = line.text;
  fields[task.label] = references[0];
  const candidates = line.candidates && checkedLabels(line.candidates, `${file} line ${number}: candidates`);
  return {
    line: number,
    id: `${line.id ?? number}`,
    split,
    fields,
    media: mediaOf(file, number, line),
    references,
    candidates,
    text: raw,
  };
}

/** 1 and 0 mean yes and no where those are the labels, as in the data set of hateful memes. */
function labelOf({ label }: Line, { labels }: TaskTemplate): string | undefined {
  return typeof label === 'number' && labels?.[label] !== undefined ? labels[label] : label?.toString();
}

/** A caption may stand under `text`, as in collections of pairs. */
function captionText({ text: words }: Line, { label }: TaskTemplate): string | undefined {
  return label === 'caption' ? words : undefined;
}

function mediaOf(file: string, number: number, { image, images, frames }: Line): string[][] {
  const given = [image, images, frames].filter((value) => value !== undefined);
  if (given.length > 1) throw wrong(file, number, 'it has more than one of image, images and frames');
  return image !== undefined ? [[image]] : frames ? [frames] : (images ?? []).map((path) => [path]);
}

/** Throws `invalid-option` for a list without labels, with an empty one, or with one twice. */
export function checkedLabels(labels: readonly string[], where: string): readonly string[] {
  const empty = labels.findIndex((label) => label.trim() === '');
  const twice = labels.find((label, i) => labels.indexOf(label) !== i);
  const problem =
    labels.length === 0
      ? 'there are 0 labels; at least 1 is needed'
      : empty >= 0
        ? `label ${empty + 1} of ${labels.length} is empty`
        : twice !== undefined && `the label ${JSON.stringify(twice)} is there twice among ${labels.length}`;
  if (!problem) return labels;
  throw new FlamingoError('invalid-option', `${where}: ${problem}.`, {
    hint: 'Give each label once.',
    details: { labels: labels.slice(0, 20), count: labels.length },
  });
}

function wrong(file: string, line: number, what: string): FlamingoError {
  return new FlamingoError('bad-file', `${file} line ${line}: ${what}.`, {
    hint: 'docs/eval.md describes the lines of a task file.',
    details: { file, line },
  });
}
