import type { TaskTemplate, TemplateToken } from './template';

/**
 * The words a package was trained with, from its manifest. `{text}` stands for the question (in `example` for the answer), `{media}` for the pictures where they do not stand in front;
 * `templateTokens` are tokens where the templates spell them.
 */
export interface PackagePrompt {
  readonly question: string;
  readonly caption: string;
  readonly example?: string;
  readonly templateTokens?: readonly TemplateToken[];
  /** What stands between an answer and the next question, where that is not the chunk-end token. */
  readonly separator?: string;
  readonly endOfChunkToken?: string;
  readonly endOfChunkId?: number;
}

const QUESTION = 'Question:{question} Short answer:';
const MEDIA = '{media}';

/**
 * A task in a package's own words instead of upstream's: its question and caption templates with their special tokens, before answers what its example has there, nothing between
 * examples. Tasks with other words of their own stay as they are.
 */
export function inPackageWords(task: TaskTemplate, prompt: PackagePrompt): TaskTemplate {
  const { caption, templateTokens: tokens } = prompt;
  const own = { ...task, separator: '', ...(tokens ? { tokens: withEnd(tokens, prompt) } : {}) };
  if (task.query === '<image>Output:') return { ...own, beforeLabel: gapOf(prompt), query: withImage(caption) };
  if (!task.query.endsWith(QUESTION)) return task;
  const words = prompt.question.replace('{text}', () => '{question}');
  // A caption may follow its picture at once; an answer does not run into its question.
  const beforeLabel = /\s$/.test(words) ? '' : gapOf(prompt) || ' ';
  const query = task.turns ? `<image>{${task.turns.field}}${words.replace(MEDIA, '')}` : withImage(words);
  const closed = tokens ? (prompt.separator ?? prompt.endOfChunkToken ?? '') : '';
  const turn = `${words.replace(MEDIA, '')}${beforeLabel}{answer}${closed}`;
  return { ...own, beforeLabel, query, ...(task.turns ? { turns: { ...task.turns, text: turn } } : {}) };
}

/** The picture at its place in a template, or in front of it. */
function withImage(template: string): string {
  return template.includes(MEDIA) ? template.replace(MEDIA, () => '<image>') : `<image>${template}`;
}

/** What the package's example has between its words and the answer. */
function gapOf({ caption, example }: PackagePrompt): string {
  if (!example?.startsWith(caption) || !example.endsWith('{text}')) return ' ';
  return example.slice(caption.length, -'{text}'.length);
}

/** The chunk-end token is one too where it closes an earlier turn. */
function withEnd(tokens: readonly TemplateToken[], { endOfChunkToken, endOfChunkId }: PackagePrompt): TemplateToken[] {
  const isNew = endOfChunkToken !== undefined && !tokens.some(({ content }) => content === endOfChunkToken);
  return isNew && endOfChunkId !== undefined
    ? [...tokens, { content: endOfChunkToken, id: endOfChunkId }]
    : [...tokens];
}
