import type { ReactiveController, ReactiveControllerHost } from 'lit';
import { FlamingoError } from '../core/errors';
import type { LoadedModel } from '../session/load-types';
import type { GenerateOptions, SessionStats } from '../session/types';
import { type MessagePart, type Picture, picturesOf } from './content';
import { abortable, ContextKeeper } from './context-keeper';
import { asFlamingoError } from './model-controller';

/** A question and its answer. `phase` is what is being waited for; `stopped` and `failed` keep the answer so far. */
export interface Exchange {
  readonly id: number;
  readonly content: readonly MessagePart[];
  answer: string;
  phase: 'loading' | 'reading' | 'answering' | 'done' | 'stopped' | 'failed';
  error?: FlamingoError;
  /** Tokens in the context before this exchange. */
  start?: number;
}

export interface ConversationEvents {
  token(text: string): void;
  answer(text: string): void;
  failed(error: FlamingoError): void;
}

/** The conversation: asks, streams, stops, tries again. It outlives models and sessions, which are rebuilt from it. */
export class ConversationController implements ReactiveController {
  exchanges: readonly Exchange[] = [];
  private opening: { model: LoadedModel; keeper: Promise<ContextKeeper> } | undefined;
  private running: AbortController | undefined;
  private nextId = 1;

  constructor(
    private readonly host: ReactiveControllerHost,
    private readonly model: () => Promise<LoadedModel>,
    private readonly choosing: () => GenerateOptions,
    private readonly events: ConversationEvents,
  ) {
    host.addController(this);
  }

  /** Nothing to do: a conversation begins with its first question. */
  hostConnected(): void {}

  get busy(): boolean {
    return this.running !== undefined;
  }

  /** Asks, and resolves with the whole answer. Rejects with `aborted` when stopped; what came so far stays in `exchanges`. */
  ask(content: readonly MessagePart[] | Promise<readonly MessagePart[]>): Promise<string> {
    return this.exclusively(async (signal) => {
      const message = await abortable(Promise.resolve(content), signal);
      const exchange: Exchange = { id: this.nextId++, content: message, answer: '', phase: 'loading' };
      this.exchanges = [...this.exchanges, exchange];
      return await this.run(exchange, signal);
    });
  }

  /** Asks the last question again. */
  retry(exchange: Exchange): Promise<string> {
    return this.exclusively((signal) => this.run(exchange, signal));
  }

  async stats(): Promise<SessionStats | undefined> {
    return await (await this.opening?.keeper)?.session.stats();
  }

  stop(): void {
    this.running?.abort();
  }

  /** Takes an exchange out of the conversation and gives its message back for editing. */
  async withdraw(exchange: Exchange): Promise<readonly MessagePart[]> {
    this.exchanges = this.exchanges.filter((each) => each !== exchange);
    this.host.requestUpdate();
    await this.rewind(exchange);
    return exchange.content;
  }

  /** Forgets everything. Returns the pictures that were in it. */
  async clear(): Promise<Picture[]> {
    this.stop();
    this.running = undefined;
    const pictures = this.exchanges.flatMap(({ content }) => picturesOf(content));
    this.exchanges = [];
    this.host.requestUpdate();
    const { opening } = this;
    this.opening = undefined;
    await opening?.keeper.then((keeper) => keeper.close()).catch(() => undefined); // a dead worker has nothing left to free
    return pictures;
  }

  /** Encodes a picture while its message is still being written, where a model is loaded. Throws `media-unreadable`. */
  async prepare(picture: Picture): Promise<void> {
    const model = await this.model();
    const rebuilds = this.opening?.model !== model && this.exchanges.length > 0;
    if (this.running || rebuilds) return; // the picture is encoded with its message
    const keeper = await this.open();
    await keeper.encode(picture);
  }

  async forget(picture: Picture): Promise<void> {
    const keeper = await this.opening?.keeper.catch(() => undefined);
    await keeper?.forget(picture).catch(() => undefined); // it may have been unreadable, or the worker dead
  }

  /** One answer at a time; `stop` ends it in every phase. */
  private async exclusively(work: (signal: AbortSignal) => Promise<string>): Promise<string> {
    if (this.running) throw stillBusy();
    const running = new AbortController();
    this.running = running;
    this.host.requestUpdate();
    try {
      return await work(running.signal);
    } finally {
      if (this.running === running) this.running = undefined;
      this.host.requestUpdate();
    }
  }

  private async run(exchange: Exchange, signal: AbortSignal): Promise<string> {
    exchange.error = undefined;
    try {
      this.enter(exchange, 'loading');
      const keeper = await this.open(signal, exchange);
      this.enter(exchange, 'reading');
      await this.prompt(keeper, exchange, signal);
      this.enter(exchange, 'answering');
      await this.stream(keeper, exchange, signal);
      this.enter(exchange, 'done');
    } catch (cause) {
      throw this.end(exchange, asFlamingoError(cause));
    }
    const answer = exchange.answer.trim();
    this.events.answer(answer);
    return answer;
  }

  /** The session of the model that is loaded now; a new one reads the conversation without `exchange` first. */
  private async open(signal?: AbortSignal, exchange?: Exchange): Promise<ContextKeeper> {
    const model = await abortable(this.model(), signal);
    if (this.opening?.model !== model) {
      for (const each of this.exchanges) each.start = undefined; // positions of a session that is gone
      const before = this.exchanges.filter((each) => each !== exchange && isRemembered(each));
      this.opening = { model, keeper: ContextKeeper.open(model, before) };
    }
    const { opening } = this;
    try {
      return await abortable(opening.keeper, signal);
    } catch (error) {
      if (asFlamingoError(error).code !== 'aborted' && this.opening === opening) this.opening = undefined;
      throw error;
    }
  }

  private async prompt(keeper: ContextKeeper, exchange: Exchange, signal: AbortSignal): Promise<void> {
    const { session } = keeper;
    if (exchange.start === undefined) exchange.start = await session.position();
    else await session.rewind(exchange.start);
    await keeper.ask(exchange.content, signal);
  }

  private async stream({ session }: ContextKeeper, exchange: Exchange, signal: AbortSignal): Promise<void> {
    let answer = '';
    for await (const { text } of session.generate({ ...this.choosing(), signal })) {
      answer += text;
      exchange.answer = answer; // replaces what an earlier try had left
      this.events.token(text);
      this.host.requestUpdate();
    }
    exchange.answer = answer;
  }

  private end(exchange: Exchange, error: FlamingoError): FlamingoError {
    if (error.code === 'aborted') {
      this.enter(exchange, 'stopped');
    } else {
      exchange.error = error;
      this.enter(exchange, 'failed');
      this.events.failed(error);
    }
    if (!isRemembered(exchange)) void this.rewind(exchange);
    return error;
  }

  /** Takes the last exchange out of the context; a dead session is rebuilt without it anyway. */
  private async rewind({ start }: Exchange): Promise<void> {
    if (start === undefined) return;
    const keeper = await this.opening?.keeper.catch(() => undefined);
    await keeper?.session.rewind(start).catch(() => undefined);
  }

  private enter(exchange: Exchange, phase: Exchange['phase']): void {
    exchange.phase = phase;
    this.host.requestUpdate();
  }
}

/** Exchanges without a word of an answer are not part of the context: they would only confuse what follows. */
function isRemembered({ phase, answer }: Exchange): boolean {
  return phase === 'done' || answer !== '';
}

function stillBusy(): FlamingoError {
  return new FlamingoError('invalid-option', 'An answer is still being written; 1 question can be asked at a time.', {
    hint: 'Wait for chat.busy to be false, or stop the answer.',
  });
}
