import type { LoadedModel, LoadOptions, LoadProgress, ModelSource } from '../../session/load-types';

export type Load = (source: ModelSource, options: LoadOptions) => Promise<LoadedModel>;

/** One loaded model for every session of a `LanguageModel`, loaded when the first is asked for, and again after it failed or was lost. */
export class SharedModel {
  private loading: Promise<LoadedModel> | undefined;
  private readonly watchers = new Set<(progress: LoadProgress) => void>();
  /** How far it is. */
  state: 'downloadable' | 'downloading' | 'available' = 'downloadable';

  constructor(
    private readonly source: ModelSource,
    private readonly options: LoadOptions,
    private readonly load: Load,
  ) {}

  /** Joins or begins loading. A caller that gives up leaves it to the others. */
  async get(onProgress?: (progress: LoadProgress) => void, signal?: AbortSignal): Promise<LoadedModel> {
    signal?.throwIfAborted();
    if (onProgress) this.watchers.add(onProgress);
    this.loading ??= this.begin();
    try {
      return await untilAborted(this.loading, signal);
    } finally {
      if (onProgress) this.watchers.delete(onProgress);
    }
  }

  private async begin(): Promise<LoadedModel> {
    this.state = 'downloading';
    try {
      const onProgress = (progress: LoadProgress) => {
        this.options.onProgress?.(progress);
        for (const watch of this.watchers) watch(progress);
      };
      const model = await this.load(this.source, { ...this.options, onProgress });
      this.state = 'available';
      void model.lost.then(() => this.forget());
      return model;
    } catch (error) {
      this.forget();
      throw error;
    }
  }

  private forget(): void {
    this.loading = undefined;
    this.state = 'downloadable';
  }
}

async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return await work;
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  return await Promise.race([work, aborted]);
}
