import type { InferenceSession, Tensor, TypedTensor } from 'onnxruntime-web';
import { FlamingoError } from '../core/errors';

/** An ONNX tensor of one of the types that graphs have as inputs and outputs. */
export type OrtTensor = Tensor;
export type OrtSession = InferenceSession;

/** More threads than this cost more in waiting than they bring. */
const MAX_THREADS = 8;

/** What the two loaders give: the module, and how many threads this place may use. */
export interface LoadedOrt {
  ort: typeof import('onnxruntime-web');
  cores: number;
}

export interface OrtOptions {
  /** wasm threads; default: all cores where the page is isolated, else 1. Decided by whoever asks first. */
  threads?: number;
  /** The build with the WebGPU provider, for comparisons. Decided by whoever asks first, too. */
  webgpu?: boolean;
}

/** onnxruntime-web, initialised. This file and its two loaders are the only ones that import it. */
export interface OrtRuntime {
  readonly threads: number;
  /** A session over a graph and its data files. Throws `bad-file` when the graph does not load. */
  session(
    name: string,
    model: Uint8Array,
    data: readonly { path: string; data: Uint8Array }[],
    extra?: InferenceSession.SessionOptions,
  ): Promise<OrtSession>;
  floats(values: Float32Array, shape: readonly number[]): TypedTensor<'float32'>;
  longs(values: readonly number[], shape: readonly number[]): TypedTensor<'int64'>;
}

interface Shared {
  flamingoOrt?: Promise<OrtRuntime>;
}

/** The runtime of this realm; onnxruntime-web keeps one wasm instance, so there is one of these too. */
export function ortRuntime(options: OrtOptions = {}): Promise<OrtRuntime> {
  const shared = globalThis as Shared;
  shared.flamingoOrt ??= start(options);
  return shared.flamingoOrt;
}

async function start(options: OrtOptions): Promise<OrtRuntime> {
  // The condition is decided at build time, so that a page carries one wasm file and no Node code.
  const { ort, cores }: LoadedOrt = import.meta.env.SSR
    ? await (await import('./load-node')).loadOrt()
    : await (await import('./load-browser')).loadOrt(options);
  const threads = options.threads ?? Math.max(1, Math.min(cores, MAX_THREADS));
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = 'error';
  const create: OrtRuntime['session'] = async (name, model, data, extra = {}) => {
    try {
      return await ort.InferenceSession.create(model, {
        executionProviders: ['wasm'],
        graphOptimizationLevel: 'all',
        externalData: data.map(({ path, data: bytes }) => ({ path, data: bytes })),
        ...extra,
      });
    } catch (cause) {
      throw loadError(name, cause instanceof Error ? cause : new Error(String(cause)));
    }
  };
  let last: Promise<unknown> = Promise.resolve();
  return {
    threads,
    session(...args) {
      // The wasm instance makes one session at a time; with JSPI, a second call would come in between.
      const made = last.then(() => create(...args));
      last = made.catch(() => undefined);
      return made;
    },
    floats: (values, shape) => new ort.Tensor('float32', values, shape),
    longs: (values, shape) => new ort.Tensor('int64', BigInt64Array.from(values, BigInt), shape),
  };
}

/** A graph that does not load is damaged, unless memory ran out. */
function loadError(name: string, cause: Error): FlamingoError {
  const options = { details: { name }, cause };
  if (/memory|bad_alloc|allocat/i.test(cause.message)) {
    return new FlamingoError('device', `${name} does not fit into the memory of the page: ${cause.message}`, {
      hint: 'Take a smaller model or a smaller dtype, or a machine with a GPU.',
      ...options,
    });
  }
  return new FlamingoError('bad-file', `${name} could not be loaded by onnxruntime-web: ${cause.message}`, {
    hint: 'Convert the model again; if it persists, report it with the output of `inspect`.',
    ...options,
  });
}
