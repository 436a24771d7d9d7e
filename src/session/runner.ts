import { FlamingoError, throwIfAborted } from '../core/errors';
import type { AppendResult, AppendStep, Lanes, LanesStep, Sequence } from '../core/executor';
import { templateParts } from '../core/template-parts';
import { embeddingWidth } from '../format/config';
import type { PromptTemplate } from '../format/manifest';
import { TokenContext } from './context';
import type { ModelParts } from './parts';
import type { Part } from './types';
import { prefixOf } from './visual-prefix';

/** A part that is text, one token, a medium, or vectors. */
type OpenPart = Exclude<Part, { type: 'end-of-chunk' }>;

/**
 * The tokens of a session and the KV cache that follows them. The cache may hold fewer tokens than the context, never others: what it lacks is
 * run when something is asked of it, and the last token of the context only when an answer or a score is.
 */
export class ContextRunner {
  /** Factor on the gates that the cache was filled with. */
  private strength = 1;

  constructor(
    readonly parts: ModelParts,
    readonly sequence: Sequence,
    readonly context = new TokenContext(parts.manifest.config.gated),
  ) {}

  get length(): number {
    return this.context.length;
  }

  get capacity(): number {
    return this.sequence.capacity;
  }

  /** Names of the cross-attention probabilities of every gated layer. */
  get attentionTaps(): string[] {
    return this.parts.manifest.config.gated.before.map((_, k) => `attention.${k}`);
  }

  async fork(): Promise<ContextRunner> {
    const copy = new ContextRunner(this.parts, await this.sequence.fork(), this.context.clone());
    copy.strength = this.strength;
    return copy;
  }

  /** `from` with the parts behind it. Nothing is computed; unknown media throw `media-count`, too many tokens `context-overflow`. */
  extended(from: TokenContext, parts: readonly Part[]): TokenContext {
    const { tokenizer, media, manifest } = this.parts;
    const { config } = manifest;
    const { imageTokenId, imageTokenAfterSpace, aroundImage } = manifest.prompt;
    const next = from.clone();
    const closed = mergeTexts(closedChunks(parts, manifest.prompt));
    if (next.length === 0) next.pushTokens(tokenizer.beginIds);
    const written = from.length === 0 ? begun(closed, manifest.prompt) : closed;
    let space = written[0]?.type === 'media' && this.takeSpace(next); // off the text before: the next picture's token holds it
    for (const [i, part] of written.entries()) {
      const joined = space;
      space = imageTokenAfterSpace !== undefined && endsInSpace(part) && written[i + 1]?.type === 'media';
      if (part.type === 'text') next.pushTokens(tokenizer.encodeText(space ? part.value.slice(0, -1) : part.value));
      else if (part.type === 'token') next.pushTokens([this.checkedToken(part.id)]);
      else if (part.type === 'vectors')
        next.pushVectors(imageTokenId, this.checkedVectors(part.value), embeddingWidth(config));
      else {
        media.get(part.value);
        if (aroundImage && !next.endsWith(aroundImage.before)) next.pushTokens(aroundImage.before);
        next.pushMedia((joined && imageTokenAfterSpace) || imageTokenId, part.value);
        next.pushTokens(aroundImage?.after ?? []);
      }
    }
    if (next.length > this.capacity) throw this.overflow(next.length);
    return next;
  }

  /** Takes a space off the end of what earlier calls wrote, where the token of a picture behind a space holds it. */
  private takeSpace(next: TokenContext): boolean {
    const { tokenizer, manifest } = this.parts;
    const last = next.lastText;
    if (manifest.prompt.imageTokenAfterSpace === undefined || last === undefined) return false;
    const text = tokenizer.decode([last]);
    if (!text.endsWith(' ')) return false;
    next.takeLast();
    next.pushTokens(tokenizer.encodeText(text.slice(0, -1)));
    return true;
  }

  /** Makes `next` the context and runs what comes after the tokens that both begin with. When it throws, the context is what it was. */
  async become(next: TokenContext, signal?: AbortSignal): Promise<void> {
    const before = this.context.clone();
    const shared = before.commonLength(next, (handle) => this.parts.media.contentOf(handle));
    const cut = () => this.sequence.truncate(Math.min(this.sequence.length, shared));
    cut();
    this.context.assign(next);
    try {
      await this.runUntil(next.length - 1, signal);
    } catch (error) {
      this.context.assign(before); // nothing half-appended stays behind
      cut();
      throw error;
    }
  }

  /** Runs the tokens that the cache does not hold yet, up to position `end`; the last of them again when its results are wanted. */
  async runUntil(
    end: number,
    signal?: AbortSignal,
    want: Pick<AppendStep, 'sample' | 'logits' | 'taps'> = {},
  ): Promise<AppendResult> {
    const wants = want.sample !== undefined || want.logits !== undefined;
    if (wants && this.sequence.length >= end) this.sequence.truncate(end - 1);
    const { media, ...tokens } = this.context.slice(this.sequence.length, end);
    if (tokens.ids.length === 0) return { taps: new Map() };
    throwIfAborted(signal);
    const encoded = media.map((handle) => this.parts.media.get(handle));
    const { strength: visualStrength } = this;
    const { tap } = this.parts;
    const taps = tap ? [...(want.taps ?? []), tap.name] : want.taps;
    const result = await this.sequence.append({ ...tokens, media: encoded, visualStrength, ...want, taps, signal });
    tap?.see(result);
    return result;
  }

  /** Logits [V] after the whole context, whose tokens are all in the cache then. */
  async lastLogits(signal?: AbortSignal): Promise<Float32Array> {
    const { logits } = await this.runUntil(this.length, signal, { logits: 'last' });
    if (!logits) throw new FlamingoError('internal', 'The executor gave no logits.');
    return logits;
  }

  /** Continuations of the context side by side, and what their tokens see. The context must rest until they are disposed of. */
  async lanes(tokens: number): Promise<{ lanes: Lanes; seen: Omit<LanesStep, 'lanes'> }> {
    const { mediaIndex, mediaFirst, media } = this.context.slice(this.length - 1);
    const seen = { mediaIndex: mediaIndex[0], mediaFirst: mediaFirst[0], visualStrength: this.strength };
    const encoded = media.map((handle) => this.parts.media.get(handle));
    return { lanes: await this.sequence.lanes(tokens), seen: { ...seen, media: encoded } };
  }

  /** Keys and values of the text depend on what the pictures did to it: with another factor on the gates, all of them are computed again. */
  useStrength(strength: number): void {
    if (strength === this.strength) return;
    this.strength = strength;
    this.sequence.truncate(0);
  }

  /** Drops every token from `length` on. */
  forgetFrom(length: number): void {
    const before = this.context.clone();
    this.context.truncate(length);
    const shared = before.commonLength(this.context, (handle) => this.parts.media.contentOf(handle));
    this.sequence.truncate(Math.min(this.sequence.length, shared));
  }

  /** Throws `invalid-option` for an empty context, `context-overflow` where not one more token fits. */
  checkRoom(): void {
    if (this.length === 0) {
      throw new FlamingoError('invalid-option', 'The context has 0 tokens; an answer needs at least 1.', {
        hint: 'Append a prompt first.',
      });
    }
    if (this.length >= this.capacity) throw this.overflow(this.length + 1);
  }

  /** Throws `invalid-option` for a number outside the vocabulary, and for the image token, which only a medium brings. */
  private checkedToken(id: number): number {
    const { config, prompt } = this.parts.manifest;
    if (Number.isInteger(id) && id >= 0 && id < config.vocab && id !== prompt.imageTokenId) return id;
    const what = id === prompt.imageTokenId ? 'is the image token' : `is outside the vocabulary of ${config.vocab}`;
    throw new FlamingoError('invalid-option', `Token ${id} ${what}.`, {
      hint: 'Give a special token of this model; pictures are media parts.',
      details: { id, vocab: config.vocab },
    });
  }

  /** Throws `unsupported` for a package without a mapper, `invalid-option` for values that are no vectors of this language model. */
  private checkedVectors(vectors: Float32Array): Float32Array {
    const { manifest } = this.parts;
    prefixOf(manifest);
    const width = embeddingWidth(manifest.config);
    const rows = vectors.length / width;
    if (rows >= 1 && Number.isInteger(rows) && vectors.every(Number.isFinite)) return vectors;
    const what = vectors.every(Number.isFinite) ? `have ${vectors.length} numbers` : 'hold numbers that are not finite';
    throw new FlamingoError('invalid-option', `Vectors in a prompt ${what}; rows of ${width} are expected.`, {
      hint: 'Give what visualPrefix of this model returned.',
      details: { length: vectors.length, width },
    });
  }

  overflow(tokens: number): FlamingoError {
    const { capacity } = this;
    return new FlamingoError(
      'context-overflow',
      `The conversation would have ${tokens} tokens; there is room for ${capacity}.`,
      {
        hint: 'Shorten the message, remove examples, or begin a new chat.',
        details: { tokens, capacity },
      },
    );
  }
}

function endsInSpace(part: OpenPart): boolean {
  return part.type === 'text' && part.value.endsWith(' ');
}

/** The parts with what ends a chunk written out: one token, or the model's own separator. */
function closedChunks(parts: readonly Part[], { endOfChunkId, separator, templateTokens }: PromptTemplate) {
  const closing = separator === undefined ? [] : templateParts(separator, templateTokens);
  const end: OpenPart[] = separator === undefined ? [{ type: 'token', id: endOfChunkId }] : closing;
  return parts.flatMap((part) => (part.type === 'end-of-chunk' ? end : [part]));
}

/** The parts of a new context with the token that begins it, where the model wants it behind the first pictures: see `begin` of the template, and text/begin. */
function begun(parts: readonly OpenPart[], { begin }: PromptTemplate): readonly OpenPart[] {
  if (!begin || parts.some((part) => part.type === 'token' && part.id === begin.id)) return parts;
  const first = parts.findIndex(({ type }) => type !== 'media');
  const at = first < 0 ? parts.length : first;
  return [...parts.slice(0, at), { type: 'token', id: begin.id }, ...parts.slice(at)];
}

/** Neighbouring texts become one, so that they are tokenised as if written in one piece. */
function mergeTexts(parts: readonly OpenPart[]): OpenPart[] {
  const merged: OpenPart[] = [];
  for (const part of parts) {
    const last = merged.at(-1);
    if (part.type === 'text' && last?.type === 'text')
      merged[merged.length - 1] = { type: 'text', value: last.value + part.value };
    else merged.push(part);
  }
  return merged;
}
