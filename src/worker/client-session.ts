import { throwIfAborted } from '../core/errors';
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
} from '../session/types';
import type { Channel } from './channel';
import { TokenQueue } from './token-queue';

/** A session in the worker. Same contract as the engine's own: an aborted call leaves the context as it was, an answer keeps the tokens seen. */
export class WorkerSession implements FlamingoSession {
  constructor(
    private readonly channel: Channel,
    private readonly session: number,
  ) {}

  addMedia(
    source: MediaSource | readonly MediaSource[],
    { signal, ...options }: AddMediaOptions = {},
  ): Promise<MediaHandle> {
    return this.channel.call('add-media', { session: this.session, source, options }, { signal });
  }

  removeMedia(media: MediaHandle): Promise<void> {
    return this.channel.call('remove-media', { session: this.session, media });
  }

  append(parts: readonly Part[], options: { signal?: AbortSignal } = {}): Promise<void> {
    return this.channel.call('append', { session: this.session, parts }, options);
  }

  setContext(parts: readonly Part[], options: { signal?: AbortSignal } = {}): Promise<void> {
    return this.channel.call('set-context', { session: this.session, parts }, options);
  }

  /** Tokens are pushed by the worker as they come. Leaving the loop stops the worker; it keeps the tokens that were seen. */
  async *generate({ signal, ...options }: GenerateOptions = {}): AsyncGenerator<GeneratedToken, void, undefined> {
    const queue = new TokenQueue();
    const left = new AbortController();
    let seen = 0;
    let received = 0;
    let complete = false;
    const ended = this.channel.call(
      'generate',
      { session: this.session, options },
      {
        signal: signal ? AbortSignal.any([signal, left.signal]) : left.signal,
        onToken: (token) => {
          if (token.id >= 0) received += 1; // the rest of an unfinished character has id -1 and is no token of the context
          queue.push(token);
        },
        consumed: () => seen,
      },
    );
    ended.then(
      () => {
        complete = true;
        queue.end();
      },
      (error: unknown) => queue.fail(error),
    );
    try {
      for (let token = await queue.next(); token; token = await queue.next()) {
        throwIfAborted(signal);
        if (token.id >= 0) seen += 1;
        yield token;
      }
    } finally {
      left.abort();
      if (complete && seen < received) await this.rewind((await this.position()) - (received - seen)); // too late to cancel
    }
  }

  score(candidates: readonly string[], { signal, ...options }: ScoreOptions = {}): Promise<CandidateScore[]> {
    return this.channel.call('score', { session: this.session, candidates, options }, { signal });
  }

  classify(candidates: readonly string[], { signal, ...options }: ClassifyOptions = {}): Promise<RankedCandidate[]> {
    return this.channel.call('classify', { session: this.session, candidates, options }, { signal });
  }

  tokens(): Promise<ContextToken[]> {
    return this.channel.call('tokens', { session: this.session });
  }

  measure(parts: readonly Part[]): Promise<number> {
    return this.channel.call('measure', { session: this.session, parts });
  }

  position(): Promise<number> {
    return this.channel.call('position', { session: this.session });
  }

  rewind(position: number): Promise<void> {
    return this.channel.call('rewind', { session: this.session, position });
  }

  async fork(): Promise<FlamingoSession> {
    return new WorkerSession(this.channel, await this.channel.call('fork', { session: this.session }));
  }

  stats(): Promise<SessionStats> {
    return this.channel.call('stats', { session: this.session });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.channel.call('dispose-session', { session: this.session });
  }
}
