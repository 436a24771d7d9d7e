import { Tokenizer } from '@huggingface/tokenizers';
import { FlamingoError } from '../core/errors';
import type { Vocabulary } from './constraint/guide';
import { tokenTrie } from './constraint/token-trie';
import { Detokenizer } from './detokenizer';
import { dropsFirstSpace, type TokenTable, tokenBytes } from './token-bytes';

/** A Hugging Face tokenizer.json: text to ids and back. */
export class TextTokenizer {
  /** Tokens that begin every context: `</s>` for OPT, `<s>` for LLaMA, none for GPT-NeoX. */
  readonly beginIds: readonly number[];
  private readonly withSpecials: Tokenizer;
  /** The same tokenizer without special tokens: what a user writes is never one of them. */
  private readonly plain: Tokenizer;
  private readonly table: TokenTable;
  /** Made when first asked for: constrained answers are few. */
  private made: Omit<Vocabulary, 'size'> | undefined;

  /** Throws `bad-file` when the text is not a tokenizer.json. */
  constructor(json: string) {
    try {
      const parsed = JSON.parse(json) as TokenTable;
      const ordinary = (parsed.added_tokens ?? []).filter(({ special }) => !special);
      this.table = parsed;
      this.withSpecials = new Tokenizer(parsed, {});
      this.plain = new Tokenizer({ ...parsed, added_tokens: ordinary }, {});
    } catch (cause) {
      throw new FlamingoError('bad-file', `tokenizer.json cannot be read: ${(cause as Error).message}`, {
        hint: 'Convert the model again with its own tokenizer.json.',
        cause,
      });
    }
    this.beginIds = this.findBegin();
  }

  /** Ids of plain text; text that spells a special token stays text. */
  encodeText(text: string): number[] {
    return text === '' ? [] : this.plain.encode(text, { add_special_tokens: false }).ids;
  }

  /** Ids of a whole prompt in which special tokens are written out, with the tokens that begin a context. */
  encodePrompt(prompt: string): number[] {
    return this.withSpecials.encode(prompt, { add_special_tokens: true }).ids;
  }

  decode(ids: readonly number[]): string {
    if (ids.length === 0) return '';
    return this.withSpecials.decode([...ids], { skip_special_tokens: true, clean_up_tokenization_spaces: false });
  }

  /** The bytes that tokens write. */
  vocabulary(): Omit<Vocabulary, 'size'> {
    if (this.made) return this.made;
    const all = tokenBytes(this.table);
    const none = new Uint8Array();
    const bytes = (id: number) => all.get(id) ?? none;
    this.made = { root: tokenTrie(all), bytes, dropsFirstSpace: dropsFirstSpace(this.table) };
    return this.made;
  }

  detokenizer(): Detokenizer {
    return new Detokenizer((ids) => this.decode(ids));
  }

  private findBegin(): number[] {
    const bare = this.withSpecials.encode('a', { add_special_tokens: false }).ids;
    const full = this.withSpecials.encode('a', { add_special_tokens: true }).ids;
    const at = full.findIndex((_, i) => bare.every((id, k) => full[i + k] === id));
    return at > 0 ? full.slice(0, at) : [];
  }
}
