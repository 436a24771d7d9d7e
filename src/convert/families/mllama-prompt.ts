import { FlamingoError } from '../../core/errors';
import type { FlamingoConfig } from '../../format/config';
import type { PromptTemplate } from '../../format/manifest';
import { tokenNumber } from '../prompt';
import type { WholeSettings } from '../settings';
import type { TokenizerFile } from '../tokenizer';
import { type Described, field, numberField, section, unsupported } from './fields';

const IMAGE = '<|image|>';
const BEGIN = '<|begin_of_text|>';
const END_OF_TURN = '<|eot_id|>';
const HEADER = ['<|start_header_id|>', '<|end_header_id|>'] as const;

/** Special tokens, and the templates of an instruct model or of a base model: the former's answers end with the token that ends a turn. */
export function mllamaPrompt(
  folder: Described,
  generation: Described,
  file: TokenizerFile,
  settings: WholeSettings,
  { vocab, embeddings = vocab }: FlamingoConfig,
): PromptTemplate {
  const imageToken = settings.image_token ?? IMAGE;
  const imageTokenId = tokenNumber(file, imageToken, settings.image_token_id, embeddings);
  checkImageToken(folder, imageToken, imageTokenId);
  const endOfTurn = settings.end_of_turn_token ?? END_OF_TURN;
  const endOfChunkId = tokenNumber(file, endOfTurn, settings.end_of_turn_id, vocab);
  const ends = endTokens(generation) ?? endTokens(section(folder, 'text_config')) ?? [];
  return {
    imageToken,
    imageTokenId,
    endOfChunkToken: endOfTurn,
    endOfChunkId,
    stopIds: ends.filter((id) => id !== endOfChunkId),
    suppressIds: [], // the image token has no row in the head
    begin: { content: BEGIN, id: tokenNumber(file, BEGIN, undefined, vocab) },
    ...(ends.includes(endOfChunkId) ? chatTemplates(file, endOfTurn, vocab) : BASE_TEMPLATES),
  };
}

const BASE_TEMPLATES = { question: 'Question: {text} Answer:', caption: 'Output:', example: 'Output: {text}' };

/** chat_template of the published tokenizers, for a user's message and the answer to it. */
function chatTemplates(file: TokenizerFile, endOfTurn: string, vocab: number) {
  const header = (role: string) => `${HEADER[0]}${role}${HEADER[1]}\n\n`;
  const message = (text: string) => `${header('user')}{media}${text}${endOfTurn}${header('assistant')}`;
  return {
    question: message('{text}'),
    caption: message('Describe this picture.'),
    example: `${message('Describe this picture.')}{text}`,
    templateTokens: [...HEADER, endOfTurn].map((content) => ({
      content,
      id: tokenNumber(file, content, undefined, vocab),
    })),
  };
}

/** Numbers of the tokens that end a text: one, or a list. */
function endTokens(config: Described): number[] | undefined {
  const value = field(config, 'eos_token_id');
  if (value === undefined) return undefined;
  const ids = Array.isArray(value) ? value : [value];
  if (ids.every((id) => Number.isInteger(id))) return ids;
  throw unsupported(config, 'eos_token_id', value, 'numbers and lists of numbers');
}

/** Upstream passes pictures on only when it finds this number in the prompt. */
function checkImageToken(folder: Described, token: string, id: number): void {
  const said = numberField(folder, 'image_token_index', 128256);
  if (said === id) return;
  throw new FlamingoError(
    'bad-file',
    `${folder.configFile}: image_token_index is ${said}, the tokenizer’s ${token} is ${id}.`,
    {
      hint: 'The tokenizer belongs to another model: give this model’s as --tokenizer.',
      details: { file: folder.configFile, said, id },
    },
  );
}
