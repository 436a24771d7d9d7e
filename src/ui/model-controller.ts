import type { ReactiveController, ReactiveControllerHost } from 'lit';
import { deserializeError, type FlamingoError, isFlamingoError, serializeError } from '../core/errors';
import type { LoadedModel, LoadOptions, LoadProgress, ModelSource } from '../session/load-types';

export type ModelState =
  | { kind: 'idle' }
  | { kind: 'loading'; progress?: LoadProgress }
  | { kind: 'ready'; model: LoadedModel }
  /** Loading failed, or the loaded model was lost. */
  | { kind: 'failed'; error: FlamingoError };

export type Load = (source: ModelSource, options: LoadOptions) => Promise<LoadedModel>;

export interface ModelEvents {
  progress(progress: LoadProgress): void;
  ready(model: LoadedModel): void;
  failed(error: FlamingoError): void;
}

/** Loads the model once for everybody who asks, and again after it failed or was lost. */
export class ModelController implements ReactiveController {
  state: ModelState = { kind: 'idle' };
  private loading: { promise: Promise<LoadedModel>; stop: AbortController } | undefined;

  constructor(
    private readonly host: ReactiveControllerHost,
    private readonly options: () => { source: ModelSource } & Pick<
      LoadOptions,
      'executor' | 'profile' | 'tap' | 'keepMedia'
    >,
    private readonly events: ModelEvents,
    private readonly load: Load,
  ) {
    host.addController(this);
  }

  /** Nothing to do: the element decides when loading begins. */
  hostConnected(): void {}

  /** The loaded model; begins or joins loading where needed. */
  get(): Promise<LoadedModel> {
    if (this.state.kind === 'ready') return Promise.resolve(this.state.model);
    if (!this.loading) {
      const stop = new AbortController();
      this.loading = { stop, promise: this.begin(stop.signal) };
      this.loading.promise.catch(() => undefined); // shown in place; whoever awaits it gets it too
    }
    return this.loading.promise;
  }

  /** Stops loading, or lets go of the loaded model and its worker. */
  async reset(): Promise<void> {
    const { state } = this;
    this.loading?.stop.abort();
    this.loading = undefined;
    this.become({ kind: 'idle' });
    if (state.kind === 'ready') await state.model[Symbol.asyncDispose]();
  }

  private async begin(signal: AbortSignal): Promise<LoadedModel> {
    this.become({ kind: 'loading' });
    try {
      const { source, ...options } = this.options();
      const onProgress = (progress: LoadProgress) => {
        if (signal.aborted) return;
        this.become({ kind: 'loading', progress });
        this.events.progress(progress);
      };
      const model = await this.load(source, { ...options, signal, onProgress });
      this.become({ kind: 'ready', model });
      void model.lost.then((error) => this.lose(model, error));
      this.events.ready(model);
      return model;
    } catch (cause) {
      const error = asFlamingoError(cause);
      if (!signal.aborted) this.fail(error);
      throw error;
    } finally {
      if (!signal.aborted) this.loading = undefined;
    }
  }

  private lose(model: LoadedModel, error: FlamingoError): void {
    if (this.state.kind === 'ready' && this.state.model === model) this.fail(error);
  }

  private fail(error: FlamingoError): void {
    this.become({ kind: 'failed', error });
    this.events.failed(error);
  }

  private become(state: ModelState): void {
    this.state = state;
    this.host.requestUpdate();
  }
}

/** Any thrown value as the library's error, for showing message and hint. */
export function asFlamingoError(error: unknown): FlamingoError {
  return isFlamingoError(error) ? error : deserializeError(serializeError(error));
}
