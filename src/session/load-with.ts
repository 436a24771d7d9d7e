import { throwIfAborted } from '../core/errors';
import type { Executor } from '../core/executor';
import type { MediaPixels } from '../core/media-pixels';
import type { Manifest } from '../format/manifest';
import type { MediaShelf } from '../format/media-shelf';
import type { PackageFiles } from '../format/package-files';
import { type ChunkCache, openPackage, type Package } from '../format/package-reader';
import { TextTokenizer } from '../text/tokenizer';
import { VisionEncoder } from '../vision/encoder';
import { type Choice, chooseExecutor, executorReason } from './choose-executor';
import { Cleanup } from './cleanup';
import { ClipSpace } from './clip-space';
import { defaultCapacity } from './default-capacity';
import { embedImage } from './embed';
import { type GateValues, readGates } from './gates';
import { KeptMedia } from './kept-media';
import type { LoadedModel, LoadOptions } from './load-types';
import { MediaStore } from './media-store';
import { graphWeights, openOrt, prepareWgsl } from './open-engine';
import type { ModelParts } from './parts';
import { type Arriving, packageBytes, readPackage } from './read-package';
import { rehearse } from './rehearse';
import { Rollouts } from './rollouts';
import { ContextRunner } from './runner';
import { Session } from './session';
import { Tap } from './tap';
import type { MediaSource } from './types';
import { VisualPrefix } from './visual-prefix';

/** A larger model would be in the way of the first question for longer than it helps. */
const REHEARSED_BYTES = 64 * 1024 * 1024;

/** What `keepMedia: true` keeps at most: some 80 pictures of OpenFlamingo-3B. */
const KEPT_BYTES = 512 * 1024 * 1024;

/** What depends on where the code runs: files, pictures, WebGPU. */
export interface Platform {
  files: PackageFiles;
  gpu: GPU | undefined;
  /** Pictures -> pixels [F,3,S,S] as the manifest's image processor makes them. */
  pixels(frames: readonly MediaSource[], manifest: Manifest, signal?: AbortSignal): Promise<MediaPixels>;
  cache?: Promise<ChunkCache | undefined>;
  /** Where what was encoded of pictures is kept, at most so many bytes. */
  shelf?(maxBytes: number): Promise<MediaShelf | undefined>;
  /** Someone will look at the page before the first question: use the time. */
  rehearses?: boolean;
}

/** A loaded model with its parts in reach, for tools that work below sessions (`run`, benchmarks, tests). */
export interface LoadedParts extends LoadedModel {
  readonly engine: Executor;
  /** What its sessions share. */
  readonly parts: ModelParts;
  readonly vision: VisionEncoder;
  readonly tokenizer: TextTokenizer;
}

/**
 * Loads a package: manifest, choice of executor, files (each piece verified before use), tokenizer, vision encoder, engine. Everything that can goes on
 * at once: onnxruntime-web's wasm, pipelines and graphs are compiled while other files arrive. Throws `not-found`, `bad-file`, `device`, `aborted`; nothing stays
 * behind then.
 */
export async function loadWith(platform: Platform, options: LoadOptions = {}): Promise<LoadedParts> {
  const { signal, onProgress } = options;
  const source = await openPackage(platform.files, { signal, cache: await platform.cache });
  const { manifest } = source;
  const bytes = packageBytes(manifest);
  onProgress?.({ phase: 'manifest', loadedBytes: 0, totalBytes: bytes });
  const failed = new AbortController();
  const cleanup = new Cleanup();
  const anySignal = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal;
  const arriving = readPackage(source, { ...options, signal: anySignal });
  const parts = [
    arriving.tokenizer.then((text) => new TextTokenizer(text)),
    arriving.vision.then(async ({ model, data }) =>
      cleanup.use(await VisionEncoder.load(model, data, manifest.config)),
    ),
    openEngine(platform, manifest, arriving, options, cleanup),
  ] as const;
  try {
    await Promise.all(Object.values(arriving));
    onProgress?.({ phase: 'compile', loadedBytes: bytes, totalBytes: bytes });
    const [tokenizer, vision, opened] = await Promise.all(parts);
    throwIfAborted(signal);
    onProgress?.({ phase: 'ready', loadedBytes: bytes, totalBytes: bytes });
    const kept = await openKept(platform, options, opened.engine, manifest);
    if (kept) cleanup.use(kept); // before the engine is disposed of, what is being written ends
    const tap = options.tap === undefined ? undefined : Tap.of(options.tap, manifest.config);
    return loaded(platform, source, { ...opened, vision, tokenizer, tap, kept }, cleanup);
  } catch (error) {
    failed.abort();
    await Promise.allSettled(parts); // what is still being made has to be there to be disposed of
    await cleanup.run();
    throw error;
  }
}

interface Opened {
  choice: Choice;
  engine: Executor;
  gates: readonly GateValues[];
}

/** The executor over the package's graphs. With WebGPU, buffers are made and pipelines compile while the weights arrive. */
async function openEngine(
  platform: Platform,
  manifest: Manifest,
  arriving: Arriving,
  { executor = 'auto', profile = false }: LoadOptions,
  cleanup: Cleanup,
): Promise<Opened> {
  const choice = await chooseExecutor(executor, platform.gpu, { profile });
  if (choice.kind === 'webgpu') {
    cleanup.use(choice.gpu);
    const engine = cleanup.use(prepareWgsl(manifest, choice.gpu));
    const weights = graphWeights({ resampler: await arriving.resampler, decoder: await arriving.decoder });
    await engine.load(weights);
    return { choice, engine, gates: await readGates(manifest.config, weights) };
  }
  const graphs = { resampler: await arriving.resampler, decoder: await arriving.decoder };
  const gates = await readGates(manifest.config, graphWeights(graphs));
  return { choice, engine: cleanup.use(await openOrt(manifest, graphs)), gates };
}

async function openKept(
  { shelf }: Platform,
  { keepMedia = false }: LoadOptions,
  engine: Executor,
  manifest: Manifest,
): Promise<KeptMedia | undefined> {
  if (keepMedia === false) return undefined;
  const opened = await shelf?.(keepMedia === true ? KEPT_BYTES : keepMedia);
  return opened && new KeptMedia(opened, engine, manifest);
}

function loaded(
  platform: Platform,
  source: Package,
  parts: Opened & { vision: VisionEncoder; tokenizer: TextTokenizer; tap?: Tap; kept?: KeptMedia },
  cleanup: Cleanup,
): LoadedParts {
  const { manifest } = source;
  const { choice, engine, gates, vision, tokenizer, tap, kept } = parts;
  const clip = new ClipSpace(source, cleanup);
  const prefix = new VisualPrefix(source, cleanup);
  let asked = false;
  if (platform.rehearses && packageBytes(manifest) <= REHEARSED_BYTES) void rehearse(engine, vision, () => !asked);
  const shared = {
    manifest,
    executor: engine,
    tokenizer,
    media: cleanup.use(new MediaStore()),
    kept,
    rollouts: new Rollouts(engine, manifest.config),
    vision,
    tap,
    pixels: (frames: readonly MediaSource[], signal?: AbortSignal) => platform.pixels(frames, manifest, signal),
    networkRequests: () => source.requests(),
  };
  return {
    manifest,
    engine,
    parts: shared,
    vision,
    tokenizer,
    executor: choice.kind,
    executorReason: executorReason(choice, engine.adapter),
    adapter: engine.adapter,
    contextLength: manifest.config.contextLength,
    gates,
    createSession: async ({ capacity = defaultCapacity(manifest.config.contextLength) } = {}) => {
      asked = true;
      return new Session(new ContextRunner(shared, await engine.createSequence(capacity)));
    },
    embedText: (text, { signal } = {}) => clip.embedText(text, signal),
    embedImage: (from, given) => embedImage(shared, manifest, from, given),
    visualPrefix: (from, { signal } = {}) => prefix.vectors(shared, from, signal),
    lost: choice.kind === 'webgpu' ? choice.gpu.lost : new Promise(() => undefined),
    [Symbol.asyncDispose]: async () => {
      asked = true; // nothing is rehearsed any more
      await cleanup.run();
    },
  };
}
