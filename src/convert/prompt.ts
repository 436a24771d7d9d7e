import { FlamingoError } from '../core/errors';
import type { PromptTemplate } from '../format/manifest';
import type { FlamingoSettings } from './settings';

/** Tokens that end a text in the tokenizers of known language models. */
const END_TOKENS = ['</s>', '<|endoftext|>', '<|im_end|>'];

interface AddedToken {
  id: number;
  content: string;
}

/** Special tokens and templates. Throws `bad-file` when the tokenizer lacks the image or chunk-end token, or does not fit the model. */
export function promptOf(tokenizerJson: string, settings: FlamingoSettings, vocab: number): PromptTemplate {
  const added = addedTokens(tokenizerJson);
  const idOf = (content: string) => added.find((token) => token.content === content)?.id;
  const require = (content: string) => {
    const id = idOf(content);
    if (id === undefined) {
      throw new FlamingoError('bad-file', `The tokenizer has no token ${content}.`, {
        hint: 'Give the tokenizer with the tokens added, or name its tokens in flamingo.json (image_token, end_of_chunk_token).',
        details: { token: content, added: added.map((token) => token.content) },
      });
    }
    if (id < vocab) return id;
    throw new FlamingoError(
      'shape-mismatch',
      `The token ${content} is number ${id}, but the model has ${vocab} rows of embeddings.`,
      {
        hint: 'The tokenizer belongs to another model.',
        details: { token: content, id, vocab },
      },
    );
  };
  const imageToken = settings.image_token ?? '<image>';
  const endOfChunkToken = settings.end_of_chunk_token ?? '<|endofchunk|>';
  const imageTokenId = require(imageToken);
  return {
    imageToken,
    imageTokenId,
    endOfChunkToken,
    endOfChunkId: require(endOfChunkToken),
    stopIds: END_TOKENS.map(idOf).filter((id): id is number => id !== undefined),
    suppressIds: [imageTokenId],
    question: 'Question: {text} Answer:',
    caption: 'Output:',
    example: 'Output: {text}',
  };
}

function addedTokens(json: string): AddedToken[] {
  try {
    const { added_tokens: tokens } = JSON.parse(json) as { added_tokens?: AddedToken[] };
    if (Array.isArray(tokens)) return tokens;
  } catch {
    // falls through to the same answer
  }
  throw new FlamingoError('bad-file', 'The tokenizer file is not a Hugging Face tokenizer.json with added_tokens.', {
    hint: 'Save the tokenizer with save_pretrained and give its tokenizer.json.',
  });
}
