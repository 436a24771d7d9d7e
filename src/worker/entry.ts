import { warmUp } from '../ort/warm-up';
import { type HostPort, type LoadModel, serve } from './host';

/**
 * The worker: everything that computes runs here, so that the page never waits for it. onnxruntime-web's wasm takes longest of all to arrive and
 * compile, and every executor needs it (the vision encoder runs in it), so it begins before the rest of the code is there.
 */
void warmUp();
const load: LoadModel = async (source, options) => (await import('../session/load')).loadModel(source, options);
serve(globalThis as unknown as HostPort, load);
