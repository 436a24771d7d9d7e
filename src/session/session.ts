import { FlamingoError, throwIfAborted } from '../core/errors';
import type { AppendResult, AppendStep, Sequence } from '../core/executor';
import { TokenContext } from './context';
import { logProbabilities } from './log-probabilities';
import { validateGenerate } from './options';
import type { ModelParts } from './parts';
import type {
  CandidateScore,
  FlamingoSession,
  GeneratedToken,
  GenerateOptions,
  MediaHandle,
  MediaSource,
  Part,
  SessionStats,
} from './types';

/**
 * A conversation: tokens, the media they see, and the KV cache of whatever executor runs. The two halves of the data path meet here:
 * pictures become keys and values once, text becomes token ids, and both go to the decoder.
 *
 * The last token of the context is not run until an answer or a score is asked for: its step then also gives the first logits.
 */
export class Session implements FlamingoSession {
  private readonly handles = new Map<string, MediaHandle>();
  private readonly removed = new Set<string>();
  private msPerToken = 0;
  private disposed = false;

  constructor(
    private readonly parts: ModelParts,
    private readonly sequence: Sequence,
    private context = new TokenContext(),
  ) {}

  async addMedia(
    source: MediaSource | readonly MediaSource[],
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<MediaHandle> {
    this.check(signal);
    const frames = isList(source) ? source : [source];
    if (frames.length === 0) throw new FlamingoError('invalid-option', 'A clip has 0 frames; it needs at least 1.');
    const pixels = await this.parts.pixels(frames, signal);
    throwIfAborted(signal);
    const features = await this.parts.vision.encode(pixels, frames.length);
    throwIfAborted(signal);
    const handle = this.parts.media.add(await this.parts.executor.encodeMedia(features, frames.length), frames.length);
    this.handles.set(handle.id, handle);
    return handle;
  }

  async removeMedia(media: MediaHandle): Promise<void> {
    this.check();
    this.removed.add(media.id);
    this.freeRemoved();
  }

  async append(parts: readonly Part[], { signal }: { signal?: AbortSignal } = {}): Promise<void> {
    this.check(signal);
    const next = this.extended(parts);
    if (next.length > this.sequence.capacity) throw this.overflow(next.length);
    const before = this.context;
    try {
      this.context = next;
      await this.runUntil(next.length - 1, signal);
    } catch (error) {
      this.context = before; // nothing half-appended stays behind
      this.forgetFrom(before.length);
      throw error;
    }
  }

  async *generate(options: GenerateOptions = {}): AsyncGenerator<GeneratedToken, void, undefined> {
    this.check(options.signal);
    const { maxNewTokens, temperature, topK, topP, seed } = validateGenerate(options);
    const { endOfChunkId, stopIds, suppressIds } = this.parts.manifest.prompt;
    const stops = new Set([endOfChunkId, ...stopIds]);
    if (this.context.length === 0) throw emptyContext();
    if (this.context.length >= this.sequence.capacity) throw this.overflow(this.context.length + 1);
    const detokenizer = this.parts.tokenizer.detokenizer();
    const started = performance.now();
    for (let step = 0; step < maxNewTokens && this.context.length < this.sequence.capacity; step++) {
      throwIfAborted(options.signal);
      const sample = { temperature, topK, topP, seed, step, suppress: suppressIds };
      const { token } = await this.runUntil(this.context.length, options.signal, { sample });
      if (token === undefined) throw new FlamingoError('internal', 'The executor chose no token.');
      this.msPerToken = (performance.now() - started) / (step + 1);
      if (stops.has(token)) break;
      this.context.pushTokens([token]);
      yield { id: token, text: detokenizer.push(token) };
    }
    const rest = detokenizer.flush();
    if (rest) yield { id: -1, text: rest };
  }

  async score(candidates: readonly string[], { signal }: { signal?: AbortSignal } = {}): Promise<CandidateScore[]> {
    this.check(signal);
    const { length } = this.context;
    if (length === 0) throw emptyContext();
    const scores: CandidateScore[] = [];
    try {
      for (const text of candidates) {
        const ids = this.candidateIds(text);
        this.context.pushTokens(ids.slice(0, -1));
        const { logits } = await this.runUntil(this.context.length, signal, { logits: 'all' });
        const each = logProbabilities(logits ?? new Float32Array(), ids, this.parts.manifest.config.vocab);
        const sum = each.reduce((a, b) => a + b, 0);
        scores.push({ text, ids, sum, mean: sum / ids.length });
        this.forgetFrom(length);
      }
    } finally {
      this.forgetFrom(length);
    }
    return scores;
  }

  async position(): Promise<number> {
    return this.context.length;
  }

  async rewind(position: number): Promise<void> {
    this.check();
    if (!Number.isInteger(position) || position < 0 || position > this.context.length) {
      throw new FlamingoError(
        'invalid-option',
        `Cannot rewind to ${position}: the context has ${this.context.length} tokens.`,
        {
          hint: 'Give a position that session.position() returned earlier.',
          details: { position, length: this.context.length },
        },
      );
    }
    this.forgetFrom(position);
    this.freeRemoved();
  }

  async fork(): Promise<FlamingoSession> {
    this.check();
    const copy = new Session(this.parts, await this.sequence.fork(), this.context.clone());
    for (const handle of this.handles.values()) {
      this.parts.media.hold(handle);
      copy.handles.set(handle.id, handle);
    }
    return copy;
  }

  async stats(): Promise<SessionStats> {
    const { executor, vision } = this.parts;
    const { counters } = executor;
    return {
      executor: executor.kind,
      adapter: executor.adapter,
      visionRuns: vision.runs,
      resamplerRuns: counters.resamplerRuns,
      mediaKvProjections: counters.mediaKvProjections,
      prefilledTokens: counters.prefilledTokens,
      decodedTokens: counters.decodedTokens,
      gpuBytes: executor.memory(),
      dispatchesPerToken: counters.lastStep.dispatches,
      submitsPerToken: counters.lastStep.submits,
      bindGroupsPerToken: counters.lastStep.bindGroups,
      networkRequests: this.parts.networkRequests(),
      msPerToken: this.msPerToken,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.disposed) return;
    this.disposed = true;
    this.sequence[Symbol.dispose]();
    for (const handle of this.handles.values()) this.parts.media.release(handle);
    this.handles.clear();
  }

  /** The context with the parts behind it. Nothing is computed; unknown media throw `media-count`. */
  private extended(parts: readonly Part[]): TokenContext {
    const { tokenizer, manifest, media } = this.parts;
    const next = this.context.clone();
    if (next.length === 0) next.pushTokens(tokenizer.beginIds);
    for (const part of mergeTexts(parts)) {
      if (part.type === 'text') next.pushTokens(tokenizer.encodeText(part.value));
      else if (part.type === 'end-of-chunk') next.pushTokens([manifest.prompt.endOfChunkId]);
      else {
        media.get(part.value);
        next.pushMedia(manifest.prompt.imageTokenId, part.value);
      }
    }
    return next;
  }

  /** Runs the tokens that the cache does not hold yet, up to position `end`. */
  private async runUntil(
    end: number,
    signal: AbortSignal | undefined,
    want: Pick<AppendStep, 'sample' | 'logits'> = {},
  ): Promise<AppendResult> {
    const { ids, mediaIndex, media } = this.context.slice(this.sequence.length, end);
    if (ids.length === 0) return { taps: new Map() };
    const encoded = media.map((handle) => this.parts.media.get(handle));
    return await this.sequence.append({ ids, mediaIndex, media: encoded, ...want, signal });
  }

  /** Drops every token from `length` on; the last one that stays is run again when logits are needed. */
  private forgetFrom(length: number): void {
    this.context.truncate(length);
    this.sequence.truncate(Math.min(this.sequence.length, Math.max(0, length - 1)));
  }

  private candidateIds(text: string): number[] {
    const ids = this.parts.tokenizer.encodeText(text);
    if (ids.length > 0) return ids;
    throw new FlamingoError('invalid-option', `The candidate ${JSON.stringify(text)} has no tokens.`, {
      hint: 'Remove empty labels.',
    });
  }

  private freeRemoved(): void {
    for (const id of this.removed) {
      const handle = this.handles.get(id);
      if (handle && this.context.refersTo(handle)) continue;
      if (handle) this.parts.media.release(handle);
      this.handles.delete(id);
      this.removed.delete(id);
    }
  }

  private overflow(tokens: number): FlamingoError {
    const { capacity } = this.sequence;
    return new FlamingoError(
      'context-overflow',
      `The conversation would have ${tokens} tokens; there is room for ${capacity}.`,
      {
        hint: 'Shorten the message, remove examples, or begin a new chat.',
        details: { tokens, capacity },
      },
    );
  }

  private check(signal?: AbortSignal): void {
    if (this.disposed)
      throw new FlamingoError('disposed', 'This session was disposed of.', { hint: 'Make a new session.' });
    throwIfAborted(signal);
  }
}

function emptyContext(): FlamingoError {
  return new FlamingoError('invalid-option', 'The context has 0 tokens; an answer needs at least 1.', {
    hint: 'Append a prompt first.',
  });
}

function isList(source: MediaSource | readonly MediaSource[]): source is readonly MediaSource[] {
  return Array.isArray(source);
}

/** Neighbouring texts become one, so that they are tokenised as if written in one piece. */
function mergeTexts(parts: readonly Part[]): Part[] {
  const merged: Part[] = [];
  for (const part of parts) {
    const last = merged.at(-1);
    if (part.type === 'text' && last?.type === 'text')
      merged[merged.length - 1] = { type: 'text', value: last.value + part.value };
    else merged.push(part);
  }
  return merged;
}
