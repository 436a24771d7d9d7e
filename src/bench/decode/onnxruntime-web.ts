import { buildDecoder } from '../../convert/graphs/decoder';
import type { WeightSlot } from '../../convert/graphs/graph-builder';
import { buildResampler } from '../../convert/graphs/resampler';
import { inlineGraph } from '../../convert/graphs/write-graph';
import { type OrtRuntime, type OrtSession, type OrtTensor, ortRuntime } from '../../ort/runtime';
import type { Started } from './strategy';
import type { Workload } from './workload';

type Feeds = Record<string, OrtTensor>;

/**
 * The peer at its best: the whole decoder as one session on its WebGPU provider (object form), every shape fixed, the KV cache of fixed
 * length and kept on the GPU; only the logits come back. Graph capture is left out: it asks for outputs at fixed addresses, and a cache
 * that is input and output of one run cannot be both (onnxruntime-web 1.30).
 */
export async function startOnnxruntimeWeb(work: Workload): Promise<Started> {
  const ort = await ortRuntime({ webgpu: true });
  const media = await encodePicture(ort, work);
  const { decoder: d, contextLength } = work.config;
  const session = await decoderSession(ort, work);
  const shape = [1, d.kvHeads, contextLength, d.headDim];
  let past = emptyCache(ort, d.layers, shape);
  let position = 0;
  const next = async (token: number) => {
    const results = await session.run({
      input_ids: ort.longs([token], [1, 1]),
      position: ort.longs([position++], [1]),
      media_index: ort.longs([0], [1, 1]),
      ...media,
      ...past,
    });
    for (const tensor of Object.values(past)) tensor.dispose();
    past = pastOf(results as Feeds);
    return argmax((await results.logits.getData()) as Float32Array);
  };
  let first = 0;
  for (const token of work.prompt) first = await next(token);
  return {
    first,
    strategy: {
      name: 'onnxruntime-web',
      next,
      async [Symbol.asyncDispose]() {
        for (const tensor of Object.values(past)) tensor.dispose();
        await session.release();
      },
    },
  };
}

/** Keys and values of the picture, computed once on wasm; what reads them is what is timed. */
async function encodePicture(ort: OrtRuntime, { config, type, weights, features }: Workload): Promise<Feeds> {
  const plan = buildResampler(config, type);
  const model = inlineGraph(plan, await bytesOf(plan.weights, weights));
  const session = await ort.session('resampler.onnx', model, []);
  const { patches, width } = config.vision;
  const { media_key, media_value } = await session.run({ features: ort.floats(features, [1, 1, patches, width]) });
  await session.release();
  return { media_key, media_value } as Feeds;
}

async function decoderSession(ort: OrtRuntime, { config, type, weights }: Workload): Promise<OrtSession> {
  const plan = buildDecoder(config, type, { staticCache: config.contextLength });
  const model = inlineGraph(plan, await bytesOf(plan.weights, weights));
  const presents = plan.outputs.map(({ name }) => name).filter((name) => name.startsWith('present_'));
  return ort.session('decoder.onnx', model, [], {
    executionProviders: [{ name: 'webgpu' }],
    freeDimensionOverrides: { B: 1, T: 1, M: 1, P: config.contextLength },
    preferredOutputLocation: Object.fromEntries(presents.map((name) => [name, 'gpu-buffer'])),
  });
}

async function bytesOf(slots: readonly WeightSlot[], weights: Workload['weights']) {
  const bytes = new Map(await Promise.all(slots.map(async ({ name }) => [name, await weights.read(name)] as const)));
  return ({ name }: WeightSlot) => bytes.get(name) ?? new Uint8Array();
}

function emptyCache(ort: OrtRuntime, layers: number, shape: number[]): Feeds {
  const zeros = new Float32Array(shape.reduce((a, b) => a * b, 1));
  const names = Array.from({ length: layers }, (_, i) => [`past_key.${i}`, `past_value.${i}`]).flat();
  return Object.fromEntries(names.map((name) => [name, ort.floats(zeros, shape)]));
}

function pastOf(results: Feeds): Feeds {
  const presents = Object.entries(results).filter(([name]) => name.startsWith('present_'));
  return Object.fromEntries(presents.map(([name, tensor]) => [name.replace('present', 'past'), tensor]));
}

function argmax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}
