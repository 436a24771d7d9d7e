import type { PromptTemplate } from '../../format/manifest';
import { endTokens, tokenNumber } from '../prompt';
import type { WholeSettings } from '../settings';
import type { TokenizerFile } from '../tokenizer';
import { type Described, numberField } from './fields';

const IMAGE = '<image>';
const FAKE = '<fake_token_around_image>';
const END_OF_UTTERANCE = '<end_of_utterance>';

/**
 * Every picture stands between two fake tokens; neighbours share the one between them. Instruct models close each utterance with a token of its own, base models
 * have none. What ends a text is the end token of the config. Source: transformers models/idefics/processing_idefics.py.
 */
export function ideficsPrompt(
  folder: Described,
  file: TokenizerFile,
  settings: WholeSettings,
  vocab: number,
): PromptTemplate {
  const [image, fake] = [settings.image_token ?? IMAGE, settings.fake_token ?? FAKE];
  const imageTokenId = tokenNumber(file, image, settings.image_token_id, vocab);
  const fakeId = tokenNumber(file, fake, settings.fake_token_id, vocab);
  const endId = numberField(folder, 'eos_token_id', 2);
  const utterance = file.idOf(END_OF_UTTERANCE);
  return {
    imageToken: image,
    imageTokenId,
    endOfChunkToken: file.contentOf(endId) ?? '</s>',
    endOfChunkId: endId,
    stopIds: [...new Set([...endTokens(file), ...(utterance === undefined ? [] : [utterance])])],
    suppressIds: [imageTokenId, fakeId],
    aroundImage: { before: [fakeId], after: [fakeId] },
    ...(utterance === undefined
      ? BASE
      : instruct(tokenNumber(file, END_OF_UTTERANCE, settings.end_of_utterance_id, vocab))),
  };
}

const BASE = {
  question: 'Question: {text} Answer:',
  caption: 'Output:',
  example: 'Output: {text}',
  separator: '\n\n',
};

function instruct(id: number) {
  const ask = (text: string) => `User: ${text}${END_OF_UTTERANCE}\nAssistant:`;
  return {
    question: ask('{text}'),
    caption: ask('What does this picture show?'),
    example: `${ask('What does this picture show?')} {text}`,
    separator: `${END_OF_UTTERANCE}\n`,
    templateTokens: [{ content: END_OF_UTTERANCE, id }],
  };
}
