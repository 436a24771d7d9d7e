import type { PromptTemplate } from '../../format/manifest';
import { TextTokenizer } from '../../text/tokenizer';
import { endTokens, tokenNumber } from '../prompt';
import type { WholeSettings } from '../settings';
import { type TokenizerFile, withTokens } from '../tokenizer';

const END_OF_CHUNK = '<EOC>';
const IMAGE = '<image>';

/** The tokenizer with `<EOC>`, which upstream adds to GPT-2's or OPT's. */
export function miniTokenizer(file: TokenizerFile, settings: WholeSettings): TokenizerFile {
  return withTokens(file, [settings.end_of_chunk_token ?? END_OF_CHUNK]);
}

/**
 * A model that continues `<image>` with a caption. Published models have no token for it: upstream writes the text, and the picture stands at the first of its tokens,
 * "<" (or " <"). Where the tokenizer has one token, that is it. Source: flamingo_mini/flamingo_processor.py.
 */
export function miniPrompt(file: TokenizerFile, settings: WholeSettings, vocab: number): PromptTemplate {
  const endOfChunkToken = settings.end_of_chunk_token ?? END_OF_CHUNK;
  const image = settings.image_token ?? IMAGE;
  const common = {
    endOfChunkToken,
    endOfChunkId: tokenNumber(file, endOfChunkToken, settings.end_of_chunk_id, vocab),
    stopIds: endTokens(file),
    question: '{text}',
    caption: '',
    example: '{text}',
  };
  if (settings.image_token !== undefined || file.idOf(image) !== undefined) {
    const imageTokenId = tokenNumber(file, image, settings.image_token_id, vocab);
    return { ...common, imageToken: image, imageTokenId, suppressIds: [imageTokenId] };
  }
  const tokenizer = new TextTokenizer(file.text);
  const [imageTokenId, ...rest] = tokenizer.encodeText(image);
  const spaced = tokenizer.encodeText(` ${image[0]}`).at(-1);
  return {
    ...common,
    imageToken: image[0],
    imageTokenId,
    ...(spaced === undefined || spaced === imageTokenId ? {} : { imageTokenAfterSpace: spaced }),
    suppressIds: [],
    aroundImage: { before: [], after: rest },
  };
}
