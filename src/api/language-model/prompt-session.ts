import type { GenerateOptions } from '../../session/types';
import type { Conversation } from './conversation';
import { asDomError } from './dom-errors';
import { type Message, readMessages } from './messages';
import type { Sampling } from './options';

/** What a new session is made of. */
export interface SessionParts {
  conversation: (onOverflow: () => void) => Promise<Conversation>;
  sampling: Required<Sampling>;
  contextWindow: number;
}

/**
 * A session with the members of the Prompt API's LanguageModel. Calls run one after the other. Errors are DOMExceptions by the standard's names, with
 * the FlamingoError as their cause. When the context is full, the oldest questions and answers are left out (never the initial prompts) and
 * `contextoverflow` is dispatched.
 */
export abstract class PromptSession extends EventTarget {
  oncontextoverflow: ((this: LanguageModel, event: Event) => unknown) | null = null;
  onquotaoverflow: ((this: LanguageModel, event: Event) => unknown) | null = null;
  private sampling: Required<Sampling> = { temperature: 0, topK: 1 };
  private window = 0;
  private used = 0;
  private last: Promise<unknown> = Promise.resolve();
  private readonly ended = new AbortController();
  private conversation!: Conversation;

  /** Fills a new session. Apart from the constructor because reading the initial prompts takes a while. */
  protected async open({ conversation, sampling, contextWindow }: SessionParts): Promise<void> {
    this.sampling = sampling;
    this.window = contextWindow;
    this.conversation = await conversation(() => this.overflow());
    this.used = await this.conversation.usage();
  }

  abstract clone(options?: LanguageModelCloneOptions): Promise<LanguageModel>;

  async prompt(input: LanguageModelPrompt, options: LanguageModelPromptOptions = {}): Promise<string> {
    let answer = '';
    for await (const text of this.answer(input, options)) answer += text;
    return answer.trim();
  }

  /** The answer in pieces as they come. Cancelling the stream stops it. */
  promptStreaming(input: LanguageModelPrompt, options: LanguageModelPromptOptions = {}): ReadableStream<string> {
    const pieces = this.answer(input, options);
    return new ReadableStream({
      async pull(controller) {
        const { done, value } = await pieces.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await pieces.return();
      },
    });
  }

  async append(input: LanguageModelPrompt, { signal }: LanguageModelAppendOptions = {}): Promise<undefined> {
    await this.exclusively(signal, async (both) => await this.conversation.append(await readMessages(input), both));
  }

  /** Tokens that `input` would add to the context. */
  async measureContextUsage(input: LanguageModelPrompt, { signal }: LanguageModelPromptOptions = {}): Promise<number> {
    return await this.exclusively(signal, async (both) => this.conversation.measure(await readMessages(input), both));
  }

  measureInputUsage(input: LanguageModelPrompt, options?: LanguageModelPromptOptions): Promise<number> {
    return this.measureContextUsage(input, options);
  }

  /** Tokens in the context. */
  get contextUsage(): number {
    return this.used;
  }

  get inputUsage(): number {
    return this.used;
  }

  /** Tokens that the context has room for. */
  get contextWindow(): number {
    return this.window;
  }

  get inputQuota(): number {
    return this.window;
  }

  get topK(): number {
    return this.sampling.topK;
  }

  get temperature(): number {
    return this.sampling.temperature;
  }

  destroy(): undefined {
    if (this.ended.signal.aborted) return;
    this.ended.abort(new DOMException('The session was destroyed.', 'AbortError'));
    void this.last.then(() => this.conversation.end()).catch(() => undefined); // a dead worker has nothing left to free
  }

  /** What a clone is made of: the same context in a session of its own; pictures are shared. */
  protected copy(signal: AbortSignal | undefined): Promise<SessionParts> {
    return this.exclusively(signal, async () => ({
      conversation: (onOverflow) => this.conversation.clone(onOverflow),
      sampling: this.sampling,
      contextWindow: this.window,
    }));
  }

  private async *answer(
    input: LanguageModelPrompt,
    { responseConstraint, signal }: LanguageModelPromptOptions,
  ): AsyncGenerator<string, void, undefined> {
    const turn = await this.turn();
    const both = this.signals(signal);
    try {
      both.throwIfAborted();
      const messages: Message[] = await readMessages(input);
      const options: GenerateOptions = { ...this.sampling, responseConstraint, signal: both };
      yield* this.conversation.prompt(messages, options);
    } catch (error) {
      throw asDomError(error, both);
    } finally {
      this.used = await this.conversation.usage().catch(() => this.used);
      turn.end();
    }
  }

  private async exclusively<T>(signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const turn = await this.turn();
    const both = this.signals(signal);
    try {
      both.throwIfAborted();
      const result = await work(both);
      this.used = await this.conversation.usage();
      return result;
    } catch (error) {
      throw asDomError(error, both);
    } finally {
      turn.end();
    }
  }

  /** Waits for the calls before this one; `end` lets the next begin. Throws InvalidStateError after `destroy`. */
  private async turn(): Promise<{ end: () => void }> {
    if (this.ended.signal.aborted) throw new DOMException('The session was destroyed.', 'InvalidStateError');
    const before = this.last;
    let end = () => {};
    this.last = new Promise<void>((resolve) => {
      end = resolve;
    });
    await before;
    return { end };
  }

  private signals(signal: AbortSignal | undefined): AbortSignal {
    return signal ? AbortSignal.any([signal, this.ended.signal]) : this.ended.signal;
  }

  private overflow(): void {
    for (const name of ['contextoverflow', 'quotaoverflow'] as const) {
      const event = new Event(name);
      this[`on${name}`]?.call(this, event);
      this.dispatchEvent(event);
    }
  }
}
