import jspiGlue from 'onnxruntime-web/ort-wasm-simd-threaded.jspi.mjs?url';
import jspiWasm from 'onnxruntime-web/ort-wasm-simd-threaded.jspi.wasm?url';
import plainGlue from 'onnxruntime-web/ort-wasm-simd-threaded.mjs?url';
import plainWasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';
import type { LoadedOrt, OrtOptions } from './runtime';

/**
 * The plain build, unless the WebGPU provider is wanted, which needs JSPI: on wasm it is 2.5 MB smaller, and Chromium compiles it in half the time
 * (measured on 2 cores: 1.1 against 2.1 s of background compilation up to the first answer). Files come from our own bundle.
 */
export async function loadOrt({ webgpu = false }: Pick<OrtOptions, 'webgpu'>): Promise<LoadedOrt> {
  const jspi = webgpu && 'Suspending' in WebAssembly;
  const ort = jspi ? await import('onnxruntime-web/jspi') : await import('onnxruntime-web/wasm');
  const absolute = (path: string) => new URL(path, import.meta.url).href;
  ort.env.wasm.wasmPaths = jspi
    ? { mjs: absolute(jspiGlue), wasm: absolute(jspiWasm) }
    : { mjs: absolute(plainGlue), wasm: absolute(plainWasm) };
  // Threads need shared memory, which a page has only when it is isolated.
  const cores = globalThis.crossOriginIsolated ? (navigator.hardwareConcurrency ?? 1) : 1;
  return { ort: ort as unknown as LoadedOrt['ort'], cores };
}
