import { CONTRACTIONS } from './vqa-contractions';

/** Marks that are removed or become spaces, in the official order. */
const MARKS = [...';/[]"{}()=+\\_-><@`,?!'];

const NUMBERS: ReadonlyMap<string, string> = new Map(
  ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten']
    .map((word, n): [string, string] => [word, `${n}`])
    .concat([['none', '0']]),
);

const ARTICLES = new Set(['a', 'an', 'the']);

/** The official code means re.UNICODE and passes its value, 32, as the number of replacements. */
const MOST_STOPS = 32;

/**
 * Agreement of an answer with those of people, 0..1: for each of them, min(1, matches among the others / 3), averaged. Source: VQAEval.evaluate in
 * open_flamingo/eval/vqa_metric.py, which normalises every answer; the first release of the official code leaves answers alone where all people agree.
 */
export function vqaAccuracy(prediction: string, answers: readonly string[]): number {
  if (answers.length === 0) return 0;
  const given = normalizeAnswer(prediction);
  const matches = answers.filter((answer) => normalizeAnswer(answer) === given).length;
  const whenOut = (left: number) => Math.min(1, left / 3);
  const sum = matches * whenOut(matches - 1) + (answers.length - matches) * whenOut(matches);
  return sum / answers.length;
}

/** An answer without marks, articles, number words and missing apostrophes. */
export function normalizeAnswer(answer: string): string {
  return digitsAndArticles(punctuation(answer.replaceAll('\n', ' ').replaceAll('\t', ' ').trim()));
}

function punctuation(text: string): string {
  const hasThousands = /\p{Nd},\p{Nd}/u.test(text);
  let out = text;
  for (const mark of MARKS) {
    const bySpace = text.includes(`${mark} `) || text.includes(` ${mark}`);
    out = out.replaceAll(mark, bySpace || hasThousands ? '' : ' ');
  }
  let stops = 0;
  return out.replace(/\.(?!\p{Nd})/gu, (stop) => (++stops > MOST_STOPS ? stop : ''));
}

function digitsAndArticles(text: string): string {
  return text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => NUMBERS.get(word) ?? word)
    .filter((word) => !ARTICLES.has(word))
    .map((word) => CONTRACTIONS.get(word) ?? word)
    .join(' ');
}
