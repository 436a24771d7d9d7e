import { FlamingoError, throwIfAborted } from '../../core/errors';
import type { Manifest } from '../../format/manifest';
import type { LoadedModel } from '../../session/load-types';
import type {
  AddMediaOptions,
  ClassifyOptions,
  FlamingoSession,
  GeneratedToken,
  GenerateOptions,
  MediaHandle,
  Part,
} from '../../session/types';

/** A moment of other work, long enough for messages to pass. */
export const moment = (ms = 2): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * A session without a model, for tests of the wire alone: its context is a list of strings and its answer counts up, one token a moment.
 * Unlike the engine it finishes calls whose signal has fired, which is the harder case for the wire.
 */
export class MemorySession implements FlamingoSession {
  readonly media = new Set<string>();
  disposed = false;
  /** What the last medium came with. */
  wantsRollout = false;

  constructor(
    readonly context: string[] = [],
    private readonly endless = false,
  ) {}

  async addMedia(_source: unknown, { rollout = false }: AddMediaOptions = {}): Promise<MediaHandle> {
    await moment();
    this.wantsRollout = rollout;
    const id = `m${this.media.size}`;
    this.media.add(id);
    return { id, frames: 1 };
  }

  async removeMedia(media: MediaHandle): Promise<void> {
    this.media.delete(media.id);
  }

  async append(parts: readonly Part[]): Promise<void> {
    if (parts.length > 8) {
      throw new FlamingoError('context-overflow', `There are ${parts.length} parts; there is room for 8.`, {
        hint: 'Shorten the message.',
        details: { parts: parts.length, room: 8 },
      });
    }
    await moment();
    for (const part of parts) this.context.push(part.type === 'text' ? part.value : part.type);
  }

  async *generate({ maxNewTokens = 3, signal }: GenerateOptions = {}): AsyncGenerator<GeneratedToken, void, undefined> {
    for (let id = 0; this.endless || id < maxNewTokens; id++) {
      throwIfAborted(signal);
      this.context.push(`t${id}`);
      yield { id, text: `t${id} ` };
    }
    yield { id: -1, text: 'rest' };
  }

  async score(candidates: readonly string[]) {
    return candidates.map((text) => ({ text, ids: [1], sum: -text.length, mean: -text.length }));
  }

  async setContext(parts: readonly Part[]): Promise<void> {
    this.context.length = 0;
    await this.append(parts);
  }

  async classify(candidates: readonly string[], { by = 'sum' }: ClassifyOptions = {}) {
    return (await this.score(candidates)).map((score) => ({ ...score, probability: Math.exp(score[by]) }));
  }

  async tokens() {
    return this.context.map((text, id) => ({ id, text, seen: [] }));
  }

  async measure(parts: readonly Part[]): Promise<number> {
    return this.context.length + parts.length;
  }

  async position(): Promise<number> {
    return this.context.length;
  }

  async rewind(position: number): Promise<void> {
    this.context.length = position;
  }

  async fork(): Promise<FlamingoSession> {
    return new MemorySession([...this.context]);
  }

  async stats(): Promise<never> {
    throw new TypeError('a foreign error');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.disposed = true;
  }
}

/** A model of such sessions. `lose` ends its device. */
export class MemoryModel implements LoadedModel {
  readonly manifest = { name: 'memory' } as Manifest;
  readonly executor = 'wasm';
  readonly executorReason = 'This is a test.';
  readonly adapter = 'none';
  readonly contextLength = 8;
  readonly gates = [{ block: 0, attention: [0.5], feedForward: [0.25] }];
  readonly sessions: MemorySession[] = [];
  lose: (error: FlamingoError) => void = () => undefined;
  readonly lost = new Promise<FlamingoError>((resolve) => {
    this.lose = resolve;
  });

  constructor(private readonly endless = false) {}

  async createSession(): Promise<FlamingoSession> {
    const session = new MemorySession([], this.endless);
    this.sessions.push(session);
    return session;
  }

  async embedText(text: string): Promise<Float32Array> {
    return Float32Array.of(text.length);
  }

  async embedImage(): Promise<Float32Array> {
    return Float32Array.of(1, 0);
  }

  async visualPrefix(): Promise<Float32Array> {
    return Float32Array.of(0, 1);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
