import { FlamingoError } from '../core/errors';
import { type TensorSource, tensorOf } from '../format/tensor-source';
import type { LanguageModel } from './families/language';
import { type RecipeBook, zeroRows } from './recipe';

/**
 * Embedding and head. Those of a delta win over the language model's, because only they have rows for the added tokens. Upstream makes both tables as long as the
 * tokenizer (`resize_token_embeddings`), shorter too: published language models have padded tables.
 */
export function fillTables(
  book: RecipeBook,
  delta: TensorSource,
  language: LanguageModel,
  tokens: number,
  notes: string[],
): { vocab: number } {
  const vocab = fillEmbedding(book, delta, language, tokens, notes);
  if (language.head !== null) fillHead(book, delta, language, vocab, notes);
  if (language.headBias !== undefined) fillHeadBias(book, delta, language, language.headBias, vocab);
  return { vocab };
}

function fillEmbedding(
  book: RecipeBook,
  delta: TensorSource,
  language: LanguageModel,
  tokens: number,
  notes: string[],
): number {
  const trained = trainedName(language, language.embedding);
  if (delta.tensors.has(trained)) {
    book.set('embed.weight', book.whole(delta, trained));
    book.markUsed(language.source, language.embedding);
    return tensorOf(delta, trained).shape[0];
  }
  const { file, shape } = tensorOf(language.source, language.embedding);
  if (shape[0] < tokens) {
    throw new FlamingoError(
      'shape-mismatch',
      `${delta.label} has no ${trained}, and ${file}: ${language.embedding} has ${shape[0]} rows, the tokenizer ${tokens} tokens.`,
      {
        hint: 'The rows of the added tokens exist nowhere. Give the whole Flamingo checkpoint, or the tokenizer of this model.',
        details: { tensor: trained, rows: shape[0], tokens },
      },
    );
  }
  notes.push(
    `${delta.label} has no ${trained}: the first ${tokens} of ${shape[0]} rows of the language model's own are used.`,
  );
  book.set('embed.weight', book.rows(language.source, language.embedding, 0, tokens));
  return tokens;
}

function fillHead(
  book: RecipeBook,
  delta: TensorSource,
  language: LanguageModel,
  vocab: number,
  notes: string[],
): void {
  const own = language.head ?? '';
  const trained = trainedName(language, own);
  if (delta.tensors.has(trained)) {
    book.set('head.weight', book.whole(delta, trained));
    book.markUsed(language.source, own);
    return;
  }
  const rows = tensorOf(language.source, own).shape[0];
  const added = Math.max(0, vocab - rows);
  const kept = book.rows(language.source, own, 0, Math.min(rows, vocab));
  book.set('head.weight', kept, ...zeroRows(added));
  if (added > 0) {
    notes.push(
      `The checkpoint has no ${trained}: the head's rows of the ${added} added tokens are lost upstream and are zeros here. Their logits are 0.`,
    );
  }
}

/** Upstream's `resize_token_embeddings` gives new rows of the head a bias of 0. */
function fillHeadBias(
  book: RecipeBook,
  delta: TensorSource,
  language: LanguageModel,
  own: string,
  vocab: number,
): void {
  const trained = trainedName(language, own);
  const [source, name] = delta.tensors.has(trained) ? [delta, trained] : [language.source, own];
  if (source === delta) book.markUsed(language.source, own);
  const rows = tensorOf(source, name).shape[0];
  book.set('head.bias', book.rows(source, name, 0, Math.min(rows, vocab)), ...zeroRows(vocab - rows));
}

function trainedName(language: LanguageModel, own: string): string {
  return `lang_encoder.${language.moduleName(own)}`;
}
