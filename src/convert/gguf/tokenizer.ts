import { FlamingoError } from '../../core/errors';
import type { MetadataValue } from '../../format/gguf/header-reader';
import { addedToken, BYTE_LEVEL, beginWith, byteLevelModel } from '../byte-level';
import { mergesOf } from './merges';

/** Kinds of tokens by their number. Source: llama.h, llama_token_type. */
const UNKNOWN = 2;
const CONTROL = 3;
const USER_DEFINED = 4;

/** How text is split before byte pairs are merged, by `tokenizer.ggml.pre`. Source: llama.cpp llama-vocab.cpp, and the tokenizer.json of these models. */
const LLAMA3_SPLIT =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const digits = { type: 'Sequence', pretokenizers: [{ type: 'Digits', individual_digits: true }, BYTE_LEVEL] };
const llama3 = {
  type: 'Sequence',
  pretokenizers: [
    { type: 'Split', pattern: { Regex: LLAMA3_SPLIT }, behavior: 'Isolated', invert: false },
    { ...BYTE_LEVEL, use_regex: false },
  ],
};
const SPLITS: Readonly<Record<string, unknown>> = {
  'gpt-2': BYTE_LEVEL,
  smollm: digits,
  starcoder: digits,
  'llama-bpe': llama3,
  'llama-v3': llama3,
  llama3,
};

/**
 * A tokenizer.json of what a GGUF file says of its tokenizer: byte-level BPE (`gpt2`) or SentencePiece's BPE (`llama`). Throws `unsupported` for others, with
 * the hint to give a tokenizer.json, and `bad-file` for lists that do not fit.
 */
export function ggufTokenizer(file: string, metadata: ReadonlyMap<string, MetadataValue>): string {
  const get = (name: string) => metadata.get(`tokenizer.ggml.${name}`);
  const model = get('model');
  const tokens = texts(file, 'tokens', get('tokens'));
  const types = numbers(file, 'token_type', get('token_type') ?? tokens.map(() => 1));
  if (types.length !== tokens.length) throw damaged(file, `${types.length} token types for ${tokens.length} tokens`);
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  const added = tokens.flatMap((content, id) => {
    const special = types[id] === CONTROL || types[id] === UNKNOWN;
    if (!special && types[id] !== USER_DEFINED) return [];
    return [addedToken(content, id, special)];
  });
  const begin = get('bos_token_id');
  const parts = { file, vocab, tokens, types, get };
  const { byDefault, ...own } = model === 'llama' ? sentencePiece(parts) : byteLevel(parts, model);
  const begins = (get('add_bos_token') ?? byDefault) === true && typeof begin === 'number';
  return JSON.stringify({
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added,
    post_processor: begins ? beginWith(tokens[begin], begin) : null,
    ...own,
  });
}

interface Parts {
  file: string;
  vocab: Record<string, number>;
  tokens: string[];
  types: number[];
  get(name: string): MetadataValue | undefined;
}

function byteLevel({ file, vocab, get }: Parts, model: MetadataValue | undefined) {
  const pre = String(get('pre'));
  if (model !== 'gpt2' || !Object.hasOwn(SPLITS, pre)) {
    const what =
      model === 'gpt2' ? `tokenizer.ggml.pre is "${pre}"` : `tokenizer.ggml.model is ${JSON.stringify(model)}`;
    throw new FlamingoError('unsupported', `${file}: ${what}, which is not read.`, {
      hint: `Give the model's tokenizer.json as --tokenizer. Read are "llama", and "gpt2" split as ${Object.keys(SPLITS).join(', ')}.`,
      details: { file, model, pre },
    });
  }
  const isLlama3 = SPLITS[pre] === llama3;
  return {
    byDefault: isLlama3,
    normalizer: null,
    pre_tokenizer: SPLITS[pre],
    decoder: { ...BYTE_LEVEL, add_prefix_space: true },
    model: byteLevelModel(vocab, texts(file, 'merges', get('merges')), isLlama3),
  };
}

/** As transformers' LlamaConverter makes it of a SentencePiece model. */
function sentencePiece({ file, vocab, tokens, types, get }: Parts) {
  const scores = numbers(file, 'scores', get('scores'));
  if (scores.length !== tokens.length) throw damaged(file, `${scores.length} scores for ${tokens.length} tokens`);
  const prefix = get('add_space_prefix') !== false;
  const replace = { type: 'Replace', pattern: { String: ' ' }, content: '▁' };
  const back = { type: 'Replace', pattern: { String: '▁' }, content: ' ' };
  const strip = prefix ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : [];
  return {
    byDefault: true,
    normalizer: { type: 'Sequence', normalizers: [...(prefix ? [{ type: 'Prepend', prepend: '▁' }] : []), replace] },
    pre_tokenizer: null,
    decoder: { type: 'Sequence', decoders: [back, { type: 'ByteFallback' }, { type: 'Fuse' }, ...strip] },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: tokens[types.indexOf(UNKNOWN)] ?? null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab,
      merges: mergesOf(tokens, scores),
    },
  };
}

function texts(file: string, name: string, value: unknown): string[] {
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  throw damaged(file, `tokenizer.ggml.${name} is no list of texts`);
}

function numbers(file: string, name: string, value: unknown): number[] {
  if (Array.isArray(value) && value.every((item) => typeof item === 'number')) return value;
  throw damaged(file, `tokenizer.ggml.${name} is no list of numbers`);
}

function damaged(file: string, what: string): FlamingoError {
  return new FlamingoError('bad-file', `${file} holds no sound tokenizer: ${what}.`, {
    hint: 'Give the model’s tokenizer.json as --tokenizer.',
    details: { file },
  });
}
