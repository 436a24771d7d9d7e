import { throwIfAborted } from '../core/errors';
import type { Executor } from '../core/executor';
import type { Manifest } from '../format/manifest';
import type { PackageFiles } from '../format/package-files';
import { type ChunkCache, openPackage, type Package } from '../format/package-reader';
import type { GraphFiles } from '../ort/executor';
import { TextTokenizer } from '../text/tokenizer';
import { VisionEncoder } from '../vision/encoder';
import { type Choice, chooseExecutor } from './choose-executor';
import type { LoadedModel, LoadOptions } from './load-types';
import { MediaStore } from './media-store';
import { graphPaths, graphWeights, openOrt, type PackageGraphs, prepareWgsl } from './open-engine';
import { Session } from './session';
import type { MediaSource } from './types';

/** What depends on where the code runs: files, pictures, WebGPU. */
export interface Platform {
  files: PackageFiles;
  gpu: GPU | undefined;
  /** Pictures -> pixels [F,3,S,S] as the manifest's image processor makes them. */
  pixels(frames: readonly MediaSource[], manifest: Manifest, signal?: AbortSignal): Promise<Float32Array>;
  cache?: ChunkCache;
}

/** A loaded model with its parts in reach, for tools that work below sessions (`run`, benchmarks, tests). */
export interface LoadedParts extends LoadedModel {
  readonly engine: Executor;
  readonly vision: VisionEncoder;
  readonly tokenizer: TextTokenizer;
}

/**
 * Loads a package: manifest, choice of executor, files (each piece verified before use), tokenizer, vision encoder, engine. With WebGPU, pipelines
 * compile while the weights arrive. Throws `not-found`, `bad-file`, `device`, `aborted`; nothing stays behind then.
 */
export async function loadWith(platform: Platform, options: LoadOptions = {}): Promise<LoadedParts> {
  const { signal, onProgress } = options;
  const source = await openPackage(platform.files, { signal, cache: platform.cache });
  const { manifest } = source;
  onProgress?.({ phase: 'manifest', loadedBytes: 0, totalBytes: totalBytes(manifest) });
  const choice = await chooseExecutor(options.executor ?? 'auto', platform.gpu);
  const cleanup = new Cleanup();
  try {
    if (choice.kind === 'webgpu') cleanup.use(choice.gpu);
    const wgsl = choice.kind === 'webgpu' ? cleanup.use(prepareWgsl(manifest, choice.gpu)) : undefined;
    const { graphs, tokenizer } = await readFiles(source, options);
    onProgress?.({ phase: 'compile', loadedBytes: totalBytes(manifest), totalBytes: totalBytes(manifest) });
    const vision = cleanup.use(await VisionEncoder.load(graphs.vision.model, graphs.vision.data, manifest.config));
    if (wgsl) await wgsl.load(graphWeights(graphs));
    const engine = wgsl ?? cleanup.use(await openOrt(manifest, graphs));
    throwIfAborted(signal);
    onProgress?.({ phase: 'ready', loadedBytes: totalBytes(manifest), totalBytes: totalBytes(manifest) });
    return loaded(platform, source, { choice, engine, vision, tokenizer: new TextTokenizer(tokenizer) }, cleanup);
  } catch (error) {
    await cleanup.run();
    throw error;
  }
}

/** Disposes of what was made, last first. Node 20 has no AsyncDisposableStack. */
class Cleanup {
  private readonly made: (Disposable | AsyncDisposable)[] = [];

  use<T extends Disposable | AsyncDisposable>(thing: T): T {
    this.made.push(thing);
    return thing;
  }

  async run(): Promise<void> {
    for (let thing = this.made.pop(); thing; thing = this.made.pop()) {
      if (Symbol.asyncDispose in thing) await thing[Symbol.asyncDispose]();
      else thing[Symbol.dispose]();
    }
  }
}

function loaded(
  platform: Platform,
  source: Package,
  parts: { choice: Choice; engine: Executor; vision: VisionEncoder; tokenizer: TextTokenizer },
  cleanup: Cleanup,
): LoadedParts {
  const { manifest } = source;
  const { choice, engine, vision, tokenizer } = parts;
  const shared = {
    manifest,
    executor: engine,
    tokenizer,
    media: new MediaStore(),
    vision,
    pixels: (frames: readonly MediaSource[], signal?: AbortSignal) => platform.pixels(frames, manifest, signal),
    networkRequests: () => source.requests(),
  };
  return {
    manifest,
    engine,
    vision,
    tokenizer,
    executor: choice.kind,
    executorReason: choice.reason,
    adapter: engine.adapter,
    contextLength: manifest.config.contextLength,
    createSession: async ({ capacity = manifest.config.contextLength } = {}) =>
      new Session(shared, await engine.createSequence(capacity)),
    lost: choice.kind === 'webgpu' ? choice.gpu.lost : new Promise(() => undefined),
    [Symbol.asyncDispose]: () => cleanup.run(),
  };
}

/** All files of a package, one after the other, with progress over their sum. */
async function readFiles(
  source: Package,
  { signal, onProgress }: LoadOptions,
): Promise<{ graphs: PackageGraphs; tokenizer: string }> {
  const { manifest } = source;
  let before = 0;
  const read = async (path: string) => {
    throwIfAborted(signal);
    const onBytes = (bytes: number) =>
      onProgress?.({ phase: 'weights', loadedBytes: before + bytes, totalBytes: totalBytes(manifest) });
    const bytes = await source.read(path, { signal, onBytes });
    before += bytes.byteLength;
    return bytes;
  };
  const graph = async (name: 'vision' | 'resampler' | 'decoder'): Promise<GraphFiles> => {
    const [, ...data] = graphPaths(manifest, name);
    const files: { path: string; data: Uint8Array }[] = [];
    for (const path of data) files.push({ path, data: await read(path) });
    return { model: await read(`${name}.onnx`), data: files };
  };
  const tokenizer = new TextDecoder().decode(await read('tokenizer.json'));
  return {
    tokenizer,
    graphs: { vision: await graph('vision'), resampler: await graph('resampler'), decoder: await graph('decoder') },
  };
}

function totalBytes({ files }: Manifest): number {
  return files.reduce((sum, { size }) => sum + size, 0);
}
