import jspiGlue from 'onnxruntime-web/ort-wasm-simd-threaded.jspi.mjs?url';
import jspiWasm from 'onnxruntime-web/ort-wasm-simd-threaded.jspi.wasm?url';
import plainGlue from 'onnxruntime-web/ort-wasm-simd-threaded.mjs?url';
import plainWasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';
import type { LoadedOrt } from './runtime';

/** The build with JSPI where the browser has it (it also carries the WebGPU provider), else the plain one. Files come from our own bundle. */
export async function loadOrt(): Promise<LoadedOrt> {
  const jspi = 'Suspending' in WebAssembly;
  const ort = jspi ? await import('onnxruntime-web/jspi') : await import('onnxruntime-web/wasm');
  const absolute = (path: string) => new URL(path, import.meta.url).href;
  ort.env.wasm.wasmPaths = jspi
    ? { mjs: absolute(jspiGlue), wasm: absolute(jspiWasm) }
    : { mjs: absolute(plainGlue), wasm: absolute(plainWasm) };
  // Threads need shared memory, which a page has only when it is isolated.
  const cores = globalThis.crossOriginIsolated ? (navigator.hardwareConcurrency ?? 1) : 1;
  return { ort: ort as unknown as LoadedOrt['ort'], cores };
}
