import { availableParallelism } from 'node:os';
import type { LoadedOrt } from './runtime';

/** onnxruntime-web's own build for Node: plain wasm (Node 20 has no JSPI), whose threads are worker threads. `onnxruntime-web/wasm` cannot start threads there. */
export async function loadOrt(): Promise<LoadedOrt> {
  return { ort: await import('onnxruntime-web'), cores: availableParallelism() };
}
