import { FlamingoError } from '../core/errors';
import { type TemplatePart, templateParts } from '../core/template-parts';
import type { TaskTemplate, TemplateToken } from './template';

/** A part of a prompt; with M = MediaHandle, a part that a session appends. */
export type PromptPart<M> =
  | { type: 'text'; value: string }
  | { type: 'media'; value: M }
  | { type: 'end-of-chunk' }
  /** A special token of a package's own templates. */
  | { type: 'token'; id: number };

/** A part of an item's query: words, tokens, and places of media. */
type Piece = TemplatePart | { type: 'image' };

/** One question or labelled example: texts by name (a list of them for earlier turns), and its media in the order of the template's `<image>`s. */
export interface TaskItem<M> {
  readonly fields: Readonly<Record<string, string | readonly Readonly<Record<string, string>>[]>>;
  readonly media: readonly M[];
}

export interface PromptOptions {
  /** Zero-shot as in the paper: the examples lose their pictures and keep their words; the query keeps its own. */
  textOnlyExamples?: boolean;
}

/** Flamingo §B.1.5: with no shots, two examples are given without their pictures. */
export const ZERO_SHOT_EXAMPLES = 2;

const IMAGE = '<image>';
const END = '<|endofchunk|>';

/**
 * Examples in order, then the query: what a session appends. Throws `media-count` when an item's media and the template's image tokens differ in number,
 * `invalid-option` for a missing field, an empty label, or a field that spells an image or chunk-end token.
 */
export function buildPrompt<M>(
  task: TaskTemplate,
  examples: readonly TaskItem<M>[],
  query: TaskItem<M>,
  { textOnlyExamples = false }: PromptOptions = {},
): PromptPart<M>[] {
  const parts: PromptPart<M>[] = templateParts(task.prefix, task.tokens);
  for (const [i, example] of examples.entries()) {
    const where = `example ${i + 1} of ${examples.length}`;
    const given = textField(task, example, task.label, where);
    const label = task.stripLabel ? given.trim() : given;
    if (label.trim() === '') throw emptyLabel(task, where);
    parts.push(...queryParts(task, example, where, textOnlyExamples));
    parts.push({ type: 'text', value: task.beforeLabel + label }, { type: 'end-of-chunk' });
    parts.push(...templateParts(task.separator, task.tokens));
  }
  parts.push(...queryParts(task, query, 'the query', false));
  return merged(parts);
}

/** A prompt as upstream writes it, with its special tokens spelled out: for `run`, and to compare. `tokens` are the task's. */
export function promptText<M>(parts: readonly PromptPart<M>[], tokens: readonly TemplateToken[] = []): string {
  const spelled = (part: PromptPart<M>): string => {
    if (part.type === 'text') return part.value;
    if (part.type === 'token') return tokens.find(({ id }) => id === part.id)?.content ?? '';
    return part.type === 'media' ? IMAGE : END;
  };
  return parts.map(spelled).join('');
}

/** Media and words of one query. */
function queryParts<M>(task: TaskTemplate, item: TaskItem<M>, where: string, textOnly: boolean): PromptPart<M>[] {
  // The template is cut before fields are filled in, so that no field can add a picture or a token; an interleaved field is cut itself.
  const pieces = filled(task, task.query, (name) => {
    if (name === task.interleaved) return cut(textField(task, item, name, where, true), words);
    return name === task.turns?.field ? turnPieces(task, item, where) : words(textField(task, item, name, where));
  });
  const tokens = pieces.filter(({ type }) => type === 'image').length;
  if (tokens !== item.media.length) throw mediaCount(task, where, tokens, item.media.length);
  let next = 0;
  return pieces.flatMap((piece): PromptPart<M>[] => {
    if (piece.type !== 'image') return [piece];
    return textOnly ? [] : [{ type: 'media', value: item.media[next++] }];
  });
}

/** A template's own words, tokens and places of media, with its fields filled in. */
function filled({ tokens }: TaskTemplate, template: string, fieldOf: (name: string) => Piece[]): Piece[] {
  return template.split(/(\{\w+\})/).flatMap((piece) => {
    const name = /^\{(\w+)\}$/.exec(piece)?.[1];
    return name === undefined ? cut(piece, (text) => templateParts(text, tokens)) : fieldOf(name);
  });
}

function cut(text: string, between: (text: string) => Piece[]): Piece[] {
  return text.split(/(<image>)/).flatMap((piece) => (piece === IMAGE ? [{ type: 'image' }] : between(piece)));
}

function words(value: string): Piece[] {
  return value === '' ? [] : [{ type: 'text', value }];
}

function textField<M>(task: TaskTemplate, { fields }: TaskItem<M>, name: string, where: string, mayHoldImages = false) {
  const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (typeof value !== 'string') throw missing(task, name, where);
  return checked(value, name, where, mayHoldImages);
}

function turnPieces<M>(task: TaskTemplate, { fields }: TaskItem<M>, where: string): Piece[] {
  const { turns } = task;
  const list = turns && fields[turns.field];
  if (!turns || list === undefined) return [];
  if (typeof list === 'string') throw missing(task, turns.field, where);
  return list.flatMap((turn, i) =>
    filled(task, turns.text, (name) => {
      const at = `turn ${i + 1} of ${where}`;
      if (typeof turn[name] !== 'string') throw missing(task, name, at);
      return words(checked(turn[name], name, at, false));
    }),
  );
}

/** A label that ends its own chunk would make two examples of one; a field with an image token would want a picture that is not there. */
function checked(value: string, name: string, where: string, mayHoldImages: boolean): string {
  const token = value.includes(END) ? END : !mayHoldImages && value.includes(IMAGE) ? IMAGE : undefined;
  if (token === undefined) return value;
  throw new FlamingoError(
    'invalid-option',
    `${name} of ${where} contains ${token}: ${JSON.stringify(value.slice(0, 80))}.`,
    {
      hint: 'Remove it: the template places pictures and ends examples.',
      details: { field: name, token, where },
    },
  );
}

function missing({ name: task }: TaskTemplate, field: string, where: string): FlamingoError {
  return new FlamingoError('invalid-option', `${task}: ${where} has no ${field}.`, {
    hint: `Give ${where} the field "${field}".`,
    details: { task, field, where },
  });
}

function emptyLabel({ name: task, label }: TaskTemplate, where: string): FlamingoError {
  return new FlamingoError('invalid-option', `${task}: the ${label} of ${where} has 0 characters.`, {
    hint: 'Give the example a label, or leave it out.',
    details: { task, where },
  });
}

function mediaCount({ name: task }: TaskTemplate, where: string, tokens: number, media: number): FlamingoError {
  return new FlamingoError(
    'media-count',
    `${task}: ${where} has ${tokens} image tokens but ${media} media were given.`,
    {
      hint: 'Give one picture or clip for every image token.',
      details: { task, tokens, media, where },
    },
  );
}

function merged<M>(parts: readonly PromptPart<M>[]): PromptPart<M>[] {
  const out: PromptPart<M>[] = [];
  for (const part of parts) {
    const last = out.at(-1);
    if (part.type === 'text' && last?.type === 'text')
      out[out.length - 1] = { type: 'text', value: last.value + part.value };
    else out.push(part);
  }
  return out;
}
