import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { FlamingoModel } from '../api/flamingo-model';
import type { FlamingoError } from '../core/errors';
import type { LoadedModel } from '../session/load-types';
import type { SessionStats } from '../session/types';
import { loadInWorker } from '../worker/client';
import { ChatProperties, DEFAULT_MODEL } from './chat-properties';
import { ComposerController } from './composer-controller';
import type { ContentPart, Picture } from './content';
import { ConversationController, type Exchange } from './conversation-controller';
import { FileDropController } from './file-drop-controller';
import { icon } from './icons';
import { ENGLISH } from './labels';
import { toMessageParts } from './message-parts';
import { asFlamingoError, ModelController } from './model-controller';
import { ScrollController } from './scroll-controller';
import { styles } from './styles';
import { composerView } from './view-composer';
import { emptyView, type Sample } from './view-empty';
import { logView } from './view-log';
import { statusView } from './view-status';

/**
 * A chat about pictures. Everything runs in a worker of this page; custom-elements.json documents properties, events, parts, slots and custom
 * properties.
 */
export class FlamingoChat extends ChatProperties {
  static override readonly styles = styles;

  private readonly engine: ModelController;
  private readonly conversation: ConversationController;
  private readonly composer: ComposerController;
  private readonly drop: FileDropController;

  constructor() {
    super();
    this.engine = new ModelController(this, () => this.loadSettings(), this.engineEvents(), loadInWorker);
    this.conversation = new ConversationController(
      this,
      () => this.engine.get(),
      () => ({ ...this.generation, maxNewTokens: this.maxTokens }),
      {
        token: (text) => this.emit('flamingo-token', { text }),
        answer: (text) => this.emit('flamingo-answer', { text }),
        failed: (error) => this.emit('flamingo-error', error),
      },
    );
    this.composer = new ComposerController(
      this,
      () => this.busy,
      () => this.clipFrames,
      {
        send: (message) => this.tell(this.conversation.ask(message)),
        added: (picture) => void this.prepare(picture),
        removed: (picture) => this.release([picture]),
      },
    );
    new ScrollController(this, () => this.conversation.exchanges.length);
    this.drop = new FileDropController(
      this,
      (files) => void this.composer.add(files),
      (html) => void this.composer.addPage(html),
    );
  }

  /** Resolves when the model is loaded; asking for it begins loading. Rejects with a FlamingoError. */
  get ready(): Promise<void> {
    return this.updateComplete.then(() => this.engine.get()).then(() => undefined);
  }

  /** The loaded model, for sessions, scores and vectors beside the conversation; undefined before it is ready. The element ends it: it is not to be disposed of. */
  get loaded(): FlamingoModel | undefined {
    const { state } = this.engine;
    return state.kind === 'ready' ? FlamingoModel.over(state.model) : undefined;
  }

  /** True while an answer is awaited or written. */
  get busy(): boolean {
    return this.conversation.busy;
  }

  /** Asks a question in the conversation and resolves with the whole answer. Rejects with a FlamingoError, `aborted` when stopped. */
  async ask(content: readonly ContentPart[]): Promise<string> {
    const message = toMessageParts(content, this.clipFrames);
    message.catch(() => undefined); // told by the conversation, unless that is busy and never looks at it
    return await this.conversation.ask(message);
  }

  /** Counters of the conversation's session; undefined before the first question. */
  async stats(): Promise<SessionStats | undefined> {
    return await this.conversation.stats();
  }

  /** Stops the answer; what came so far stays. */
  stop(): void {
    this.conversation.stop();
  }

  /** Begins a new conversation. The message being written stays. */
  async newChat(): Promise<void> {
    const pictures = await this.conversation.clear();
    for (const { url } of pictures) URL.revokeObjectURL(url);
  }

  /** Adds pictures to the message at the caret, as dropping them does. */
  async addImages(files: Iterable<Blob>): Promise<void> {
    await this.composer.add(files);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    // A move within the page disconnects and connects at once: only an element that stays away lets its worker go.
    queueMicrotask(() => {
      if (this.isConnected) return;
      this.stop();
      void this.engine.reset();
    });
  }

  override connectedCallback(): void {
    super.connectedCallback();
    if (this.hasUpdated && this.autoload) void this.engine.get();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    const settings = changed.has('model') || changed.has('executor');
    if (settings && this.engine.state.kind !== 'idle') void this.engine.reset();
    if (this.autoload && (settings || changed.has('autoload'))) void this.engine.get();
  }

  protected override render(): TemplateResult {
    const { exchanges } = this.conversation;
    const labels = { ...ENGLISH, ...this.labels };
    return html`
      <header class="column">
        <slot name="title"></slot>
        <button type="button" part="new-chat" class="plain" ?disabled=${exchanges.length === 0} @click=${() => void this.newChat()}>
          ${icon('new')} ${labels.newChat}
        </button>
      </header>
      <div class="scroll">
        <div class="column">
          ${exchanges.length === 0 ? emptyView(this.samples, (sample) => void this.chooseSample(sample)) : nothing}
          ${logView(exchanges, { retry: (exchange) => this.retry(exchange), edit: (exchange) => void this.edit(exchange) })}
        </div>
      </div>
      <div class="foot">
        <div class="column">
          ${this.failureIsShown ? nothing : statusView(this.engine.state, { load: () => this.tell(this.engine.get()), cancel: () => void this.engine.reset() })}
          ${composerView(this.composer, labels, {
            busy: this.busy,
            orderless: this.isOrderless,
            stop: () => this.stop(),
          })}
        </div>
      </div>
      ${this.drop.over ? html`<div class="drop" aria-hidden="true">Drop pictures or videos to add them</div>` : nothing}
    `;
  }

  /** The same failure is not told twice: the last question already stands with it. */
  private get failureIsShown(): boolean {
    const { state } = this.engine;
    return state.kind === 'failed' && this.conversation.exchanges.at(-1)?.error === state.error;
  }

  /** The loaded model has no frame embeddings. */
  private get isOrderless(): boolean {
    const { state } = this.engine;
    return state.kind === 'ready' && state.model.manifest.config.resampler.maxFrames === null;
  }

  private loadSettings() {
    return {
      source: { url: this.model || DEFAULT_MODEL },
      executor: this.executor,
      profile: this.profile,
      tap: this.tap || undefined,
      keepMedia: this.keepMedia,
    };
  }

  private engineEvents() {
    return {
      progress: (detail: unknown) => this.emit('flamingo-progress', detail),
      ready: ({ manifest, executor, executorReason }: LoadedModel) => {
        this.emit('flamingo-ready', { name: manifest.name, executor, reason: executorReason });
        for (const picture of this.composer.draft.pictures) void this.prepare(picture);
      },
      failed: (error: FlamingoError) => this.emit('flamingo-error', error),
    };
  }

  /** Encodes a picture while its question is still being written. */
  private async prepare(picture: Picture): Promise<void> {
    if (this.engine.state.kind !== 'ready') return;
    try {
      await this.conversation.prepare(picture);
    } catch (cause) {
      const error = asFlamingoError(cause);
      if (error.code === 'media-unreadable' || error.code === 'invalid-option') this.composer.reject(picture, error);
    }
  }

  private release(pictures: readonly Picture[]): void {
    for (const picture of pictures) {
      URL.revokeObjectURL(picture.url);
      void this.conversation.forget(picture);
    }
  }

  private retry(exchange: Exchange): void {
    this.tell(this.conversation.retry(exchange));
  }

  private async edit(exchange: Exchange): Promise<void> {
    this.composer.edit(await this.conversation.withdraw(exchange));
  }

  private async chooseSample(sample: Sample): Promise<void> {
    const response = await fetch(new URL(sample.src, this.ownerDocument.baseURI));
    const name = new URL(sample.src, this.ownerDocument.baseURI).pathname.split('/').at(-1) ?? 'picture';
    await this.composer.begin(new File([await response.blob()], name), sample.question);
  }

  /** For work begun by a click: its failure is shown in place, and is no unhandled rejection. */
  private tell(work: Promise<unknown>): void {
    work.catch(() => undefined);
  }

  private emit(type: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'flamingo-chat': FlamingoChat;
  }
}

if (!customElements.get('flamingo-chat')) customElements.define('flamingo-chat', FlamingoChat);
