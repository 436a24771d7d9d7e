import { encodeModel } from '../format/onnx/encode';
import { ortRuntime } from './runtime';

/** The smallest graph there is: y = x. */
const identity = () =>
  encodeModel({
    name: 'warm-up',
    opset: 17,
    inputs: [{ name: 'x', type: 'f32', shape: [1] }],
    outputs: [{ name: 'y', type: 'f32', shape: [1] }],
    nodes: [{ op: 'Identity', inputs: ['x'], outputs: ['y'], attributes: {}, domain: '' }],
    initializers: [],
  });

/**
 * Makes onnxruntime-web fetch and compile its wasm now instead of with the first graph: it has no call for that, so a session over the
 * smallest graph is made. Whatever goes wrong shows again, with a better message, when a real graph is loaded.
 */
export async function warmUp(): Promise<void> {
  try {
    const ort = await ortRuntime();
    await (await ort.session('warm-up.onnx', identity(), [])).release();
  } catch {
    // see above
  }
}
