import { OK_VQA_WORDS } from './ok-vqa-words';
import type { PostProcessing } from './template';

/**
 * Cuts an answer to what is compared. Source: postprocess_captioning_generation and evaluate.py (quotes), postprocess_vqa_generation,
 * postprocess_ok_vqa_generation in open_flamingo/eval.
 */
export function postProcess(kind: PostProcessing, text: string): string {
  switch (kind) {
    case 'none':
      return text;
    case 'first-line':
      return text.split('\n', 1)[0].trim();
    case 'caption':
      return text.split('Output', 1)[0].replaceAll('"', '');
    case 'vqa':
      return shortAnswer(text);
    case 'ok-vqa':
      return stemmed(shortAnswer(text));
  }
}

function shortAnswer(text: string): string {
  return text.split(/Question|Answer|Short/, 1)[0].split(', ', 1)[0];
}

/**
 * OK-VQA's references are stems. Upstream maps 168 words by a table; other words in -ing go to WordNet's lemmatiser and plural nouns, found by a tagger, to
 * `inflection`. Both need dictionaries of tens of megabytes, so those words stay as they are here: such an answer scores 0 where upstream's scores.
 */
function stemmed(answer: string): string {
  return answer
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => OK_VQA_WORDS.get(word) ?? word)
    .join(' ');
}
