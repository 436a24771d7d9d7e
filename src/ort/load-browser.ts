import jspiGlue from 'onnxruntime-web/ort-wasm-simd-threaded.jspi.mjs?url';
import jspiWasm from 'onnxruntime-web/ort-wasm-simd-threaded.jspi.wasm?url';
import plainGlue from 'onnxruntime-web/ort-wasm-simd-threaded.mjs?url';
import plainWasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';

/** The build with JSPI where the browser has it (it also carries the WebGPU provider), else the plain one. Files come from our own bundle. */
export async function loadOrt(): Promise<typeof import('onnxruntime-web')> {
  const jspi = 'Suspending' in WebAssembly;
  const ort = jspi ? await import('onnxruntime-web/jspi') : await import('onnxruntime-web/wasm');
  const absolute = (path: string) => new URL(path, import.meta.url).href;
  ort.env.wasm.wasmPaths = jspi
    ? { mjs: absolute(jspiGlue), wasm: absolute(jspiWasm) }
    : { mjs: absolute(plainGlue), wasm: absolute(plainWasm) };
  return ort as unknown as typeof import('onnxruntime-web');
}
