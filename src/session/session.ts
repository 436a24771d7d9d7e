import { FlamingoError, throwIfAborted } from '../core/errors';
import { checkClip } from '../format/clip-limit';
import { answer } from './answer';
import { rank, scoreCandidates } from './candidates';
import { TokenContext } from './context';
import { encodeFeatures, seenLatents } from './encode-media';
import { mediaContent } from './media-content';
import { validateAddMedia, validateClassify, validateGenerate } from './options';
import type { ContextRunner } from './runner';
import type {
  AddMediaOptions,
  CandidateScore,
  ClassifyOptions,
  ContextToken,
  FlamingoSession,
  GeneratedToken,
  GenerateOptions,
  MediaHandle,
  MediaSource,
  Part,
  RankedCandidate,
  ScoreOptions,
  SessionStats,
} from './types';

/**
 * A conversation: tokens, the media they see, and the KV cache of whatever executor runs. The two halves of the data path meet here:
 * pictures become keys and values once, text becomes token ids, and both go to the decoder.
 */
export class Session implements FlamingoSession {
  private readonly handles = new Map<string, MediaHandle>();
  private readonly removed = new Set<string>();
  private msPerToken = 0;
  private disposed = false;

  constructor(private readonly runner: ContextRunner) {}

  async addMedia(source: MediaSource | readonly MediaSource[], options: AddMediaOptions = {}): Promise<MediaHandle> {
    const { signal } = options;
    this.check(signal);
    const { rollout } = validateAddMedia(options);
    const { pixels: decode, vision, executor, media, manifest, rollouts, kept } = this.runner.parts;
    if (rollout) rollouts.check();
    const frames = isList(source) ? source : [source];
    checkClip(manifest.config, frames.length); // before anything is decoded
    const pixels = await decode(frames, signal);
    throwIfAborted(signal);
    const content = await mediaContent(pixels.values, frames.length);
    const features = once(() => vision.encode(pixels.values, pixels.frames, pixels.tiles?.arrangement));
    const encode = async () => encodeFeatures(executor, manifest.config, await features(), pixels);
    const seen = seenLatents(manifest.config, pixels);
    const handle = await media.obtain(content, frames.length, () => kept?.obtain(content, seen, encode) ?? encode());
    this.handles.set(handle.id, handle);
    try {
      throwIfAborted(signal);
      if (rollout) await rollouts.make(media.get(handle), pixels, features);
      throwIfAborted(signal);
    } catch (error) {
      await this.removeMedia(handle);
      throw error;
    }
    return handle;
  }

  async removeMedia(media: MediaHandle): Promise<void> {
    this.check();
    this.removed.add(media.id);
    this.freeRemoved();
  }

  async append(parts: readonly Part[], { signal }: { signal?: AbortSignal } = {}): Promise<void> {
    this.check(signal);
    const { runner } = this;
    await runner.become(runner.extended(runner.context, parts), signal);
  }

  async setContext(parts: readonly Part[], { signal }: { signal?: AbortSignal } = {}): Promise<void> {
    this.check(signal);
    await this.runner.become(
      this.runner.extended(new TokenContext(this.runner.parts.manifest.config.gated), parts),
      signal,
    );
    this.freeRemoved();
  }

  async *generate(options: GenerateOptions = {}): AsyncGenerator<GeneratedToken, void, undefined> {
    this.check(options.signal);
    yield* answer(this.runner, validateGenerate(options), options.signal, (msPerToken) => {
      this.msPerToken = msPerToken;
    });
  }

  async score(candidates: readonly string[], options: ScoreOptions = {}): Promise<CandidateScore[]> {
    this.check(options.signal);
    this.runner.useStrength(validateClassify(options).visualStrength);
    return await scoreCandidates(this.runner, candidates, options.signal);
  }

  async classify(candidates: readonly string[], options: ClassifyOptions = {}): Promise<RankedCandidate[]> {
    const { by } = validateClassify(options);
    return rank(await this.score(candidates, options), by);
  }

  async tokens(): Promise<ContextToken[]> {
    this.check();
    const { tokenizer } = this.runner.parts;
    return this.runner.context.tokens.map(({ id, seen }) => ({
      id,
      text: tokenizer.decode([id]),
      seen: [...seen],
    }));
  }

  async measure(parts: readonly Part[]): Promise<number> {
    this.check();
    return this.runner.extended(this.runner.context, parts).length;
  }

  async position(): Promise<number> {
    return this.runner.length;
  }

  async rewind(position: number): Promise<void> {
    this.check();
    const { length } = this.runner;
    if (!Number.isInteger(position) || position < 0 || position > length) {
      throw new FlamingoError('invalid-option', `Cannot rewind to ${position}: the context has ${length} tokens.`, {
        hint: 'Give a position that session.position() returned earlier.',
        details: { position, length },
      });
    }
    this.runner.forgetFrom(position);
    this.freeRemoved();
  }

  async fork(): Promise<FlamingoSession> {
    this.check();
    const copy = new Session(await this.runner.fork());
    for (const handle of this.handles.values()) {
      this.runner.parts.media.hold(handle);
      copy.handles.set(handle.id, handle);
    }
    return copy;
  }

  async stats(): Promise<SessionStats> {
    const { executor, vision } = this.runner.parts;
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
      networkRequests: this.runner.parts.networkRequests(),
      msPerToken: this.msPerToken,
      profile: await executor.profile?.(),
      tap: this.runner.parts.tap?.summary,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.disposed) return;
    this.disposed = true;
    this.runner.sequence[Symbol.dispose]();
    for (const handle of this.handles.values()) this.runner.parts.media.release(handle);
    this.handles.clear();
  }

  private freeRemoved(): void {
    for (const id of this.removed) {
      const handle = this.handles.get(id);
      if (handle && this.runner.context.refersTo(handle)) continue;
      if (handle) this.runner.parts.media.release(handle);
      this.handles.delete(id);
      this.removed.delete(id);
    }
  }

  private check(signal?: AbortSignal): void {
    if (this.disposed)
      throw new FlamingoError('disposed', 'This session was disposed of.', { hint: 'Make a new session.' });
    throwIfAborted(signal);
  }
}

/** The same promise, however often it is asked for. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

function isList(source: MediaSource | readonly MediaSource[]): source is readonly MediaSource[] {
  return Array.isArray(source);
}
