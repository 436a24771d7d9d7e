/** Parts of a tokenizer.json of byte-level BPE, as GPT-2 and its heirs have it. */

export const BYTE_LEVEL = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };

/** The model: merges are pairs of tokens with a space between them, in order. */
export function byteLevelModel(
  vocab: Readonly<Record<string, number>>,
  merges: readonly string[],
  ignoreMerges = false,
) {
  return {
    type: 'BPE',
    dropout: null,
    unk_token: null,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: false,
    byte_fallback: false,
    ignore_merges: ignoreMerges,
    vocab,
    merges,
  };
}

/** An added token, which text never splits. */
export function addedToken(content: string, id: number, special = true) {
  return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special };
}

/** A post-processor that puts a token in front of a text. */
export function beginWith(token: string, id: number) {
  const special = { SpecialToken: { id: token, type_id: 0 } };
  return {
    type: 'TemplateProcessing',
    single: [special, { Sequence: { id: 'A', type_id: 0 } }],
    pair: [special, { Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
    special_tokens: { [token]: { id: token, ids: [id], tokens: [token] } },
  };
}

interface ByteLevelParts {
  vocab: Readonly<Record<string, number>>;
  merges: readonly string[];
  added: readonly ReturnType<typeof addedToken>[];
  /** A text begins as if a space stood before it. */
  spaceBefore?: boolean;
  begin?: ReturnType<typeof beginWith>;
}

/** A whole tokenizer.json. */
export function byteLevelTokenizer({ vocab, merges, added, spaceBefore = false, begin }: ByteLevelParts) {
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: null,
    pre_tokenizer: { ...BYTE_LEVEL, add_prefix_space: spaceBefore },
    post_processor: begin ?? null,
    decoder: { ...BYTE_LEVEL, add_prefix_space: true },
    model: byteLevelModel(vocab, merges),
  };
}
