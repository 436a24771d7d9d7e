import type { PromptTemplate } from '../../format/manifest';
import { planConversion } from '../plan';
import { endTokens, tokenNumber } from '../prompt';
import { after, splitSource } from '../renamed';
import type { WholeSettings } from '../settings';
import type { ModelFolder } from '../sources';
import { type TokenizerFile, withTokens } from '../tokenizer';
import { clipOf } from '../vision-source';
import { partOf, type WholeCheckpoint, type WholeFamily, type WholeModel } from '../whole-family';
import { allow, type Described, flagField, same, section } from './fields';

const IMAGE = '<image>';
const END_OF_CHUNK = '<|endofchunk|>';
const ANSWER = '<answer>';

/**
 * Otter: OpenFlamingo's modules under other names, with everything in one checkpoint. Features come before the tower's final norm.
 * Source: Otter src/otter_ai/models/otter/{configuration,modeling}_otter.py.
 */
export const otter: WholeFamily = {
  name: 'otter',
  recognises: ({ config }) => config.model_type === 'otter',
  open,
};

async function open({ folder, preprocessor, tokenizer: given, settings }: WholeCheckpoint): Promise<WholeModel> {
  refuseOthers(folder);
  const source = splitSource(folder.source, {
    vision: after('vision_encoder.'),
    language: languageName,
    delta: deltaName,
  });
  const vision = clipOf(partOf(folder, source.vision), preprocessor, { tokens: 'before-post-norm' });
  const text = section(folder, 'text_config');
  const language = partOf(folder, source.language, { ...text.config, tie_word_embeddings: isTied(folder, text) });
  const plan = await planConversion(
    { vision, language, delta: source.delta, tokens: given.tokens },
    {
      cross_attn_every_n_layers: same(folder, 'cross_attn_every_n_layers', 4, settings.cross_attn_every_n_layers),
      max_num_frames: same(folder, 'max_num_frames', null, settings.max_num_frames),
    },
  );
  const tokenizer = withTokens(given, [END_OF_CHUNK, IMAGE, ANSWER]);
  return { vision, plan, tokenizer, prompt: promptOf(tokenizer, settings, plan.config.vocab) };
}

/** What its code can do, but no published Otter does. */
function refuseOthers(folder: ModelFolder): void {
  allow(folder, 'lora_config', [], 'Merge the adapters into the language model first.');
}

/** The embedding is the head when either config says so: transformers ties by the outer one, the language model by its own. */
function isTied(folder: Described, text: Described): boolean {
  return flagField(folder, 'tie_word_embeddings', true) || flagField(text, 'tie_word_embeddings', false);
}

/** Names of the language model's own files: upstream wraps its blocks in layers of two. */
function languageName(name: string): string | undefined {
  if (name.includes('.gated_cross_attn_layer.')) return undefined;
  return after('lang_encoder.')(name)?.replace('.decoder_layer.', '.');
}

/** OpenFlamingo's names of resampler, gated layers and the two tables. */
function deltaName(name: string): string | undefined {
  if (name.includes('.gated_cross_attn_layer.')) return name.replace('.feed_forward.', '.ff.');
  if (/^lang_encoder\..*(wte|embed_tokens|embed_in|lm_head|embed_out)\.weight$/.test(name)) return name;
  if (!name.startsWith('perceiver.')) return undefined;
  return name.replace(/^(perceiver\.layers\.\d+)\.(feed_forward\.)?/, (_, layer, mlp) => `${layer}.${mlp ? 1 : 0}.`);
}

function promptOf(file: TokenizerFile, settings: WholeSettings, vocab: number): PromptTemplate {
  const imageTokenId = tokenNumber(file, settings.image_token ?? IMAGE, settings.image_token_id, vocab);
  const answer = settings.answer_token ?? ANSWER;
  const endOfChunkToken = settings.end_of_chunk_token ?? END_OF_CHUNK;
  return {
    imageToken: settings.image_token ?? IMAGE,
    imageTokenId,
    endOfChunkToken,
    endOfChunkId: tokenNumber(file, endOfChunkToken, settings.end_of_chunk_id, vocab),
    stopIds: endTokens(file),
    suppressIds: [imageTokenId],
    question: `User: {text} GPT:${answer}`,
    caption: `User: What does this picture show? GPT:${answer}`,
    example: `User: What does this picture show? GPT:${answer} {text}`,
    templateTokens: [{ content: answer, id: tokenNumber(file, answer, settings.answer_token_id, vocab) }],
  };
}
