import type { TaskTemplate } from './template';

/** The words a package was trained with, from its manifest. `{text}` stands for the question. */
export interface PackagePrompt {
  readonly question: string;
  readonly caption: string;
}

const QUESTION = 'Question:{question} Short answer:';

/**
 * A task in a package's own words instead of upstream's: its question and caption templates, a space before answers, nothing between examples. Tasks with other
 * words of their own stay as they are.
 */
export function inPackageWords(task: TaskTemplate, { question, caption }: PackagePrompt): TaskTemplate {
  const own = { ...task, beforeLabel: ' ', separator: '' };
  const words = question.replace('{text}', () => '{question}');
  if (task.query === '<image>Output:') return { ...own, query: `<image>${caption}` };
  if (!task.query.endsWith(QUESTION)) return task;
  const query = task.query.replace(QUESTION, () => words);
  const turns = task.turns && { ...task.turns, text: `${words} {answer}` };
  return turns ? { ...own, query, turns } : { ...own, query };
}
