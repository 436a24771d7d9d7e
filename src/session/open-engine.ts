import { FlamingoError } from '../core/errors';
import type { Executor } from '../core/executor';
import type { Manifest } from '../format/manifest';
import { decodeModel } from '../format/onnx/decode';
import { ONNX_BYTES, type OnnxTensor } from '../format/onnx/model';
import type { GpuDevice } from '../gpu/device';
import { type EngineOptions, WgslExecutor } from '../model/engine';
import type { WeightReader } from '../model/weights';
import { type GraphFiles, OrtExecutor } from '../ort/executor';

/** The graph files of a package, in memory and verified. */
export interface PackageGraphs {
  vision: GraphFiles;
  resampler: GraphFiles;
  decoder: GraphFiles;
}

/** Names of a graph's files in the manifest: the graph, and its data files in order. */
export function graphPaths({ files }: Manifest, graph: 'vision' | 'resampler' | 'decoder' | 'text'): string[] {
  return files
    .map(({ path }) => path)
    .filter((path) => path === `${graph}.onnx` || path.startsWith(`${graph}.onnx.data-`));
}

/** onnxruntime-web over the package's graphs. */
export function openOrt(
  { config }: Manifest,
  { resampler, decoder }: Pick<PackageGraphs, 'resampler' | 'decoder'>,
): Promise<Executor> {
  return OrtExecutor.load(config, resampler, decoder);
}

/** The WGSL engine: buffers are made and pipelines are compiling when this returns; `load` brings the weights. */
export function prepareWgsl({ config, dtype }: Manifest, gpu: GpuDevice, options?: EngineOptions): WgslExecutor {
  return WgslExecutor.create(gpu, config, dtype, options);
}

/** Weights by canonical name, from the initializers of resampler.onnx and decoder.onnx. Throws `bad-file` for a name that neither has. */
export function graphWeights(graphs: Pick<PackageGraphs, 'resampler' | 'decoder'>): WeightReader {
  const tensors = new Map<string, { tensor: OnnxTensor; files: GraphFiles }>();
  for (const [name, files] of Object.entries(graphs)) {
    for (const tensor of decodeModel(`${name}.onnx`, files.model).initializers.values())
      tensors.set(tensor.name, { tensor, files });
  }
  return {
    async read(name) {
      const found = tensors.get(name);
      if (found) return bytesOf(found.tensor, found.files);
      throw new FlamingoError('bad-file', `The package has no weight ${name}.`, {
        hint: 'The graphs do not fit model.json: convert the model again.',
        details: { name },
      });
    },
  };
}

function bytesOf({ name, type, shape, data }: OnnxTensor, { data: files }: GraphFiles): Uint8Array {
  if (data.kind === 'inline') return data.bytes;
  const file = files.find(({ path }) => path === data.location);
  const end = data.offset + data.length;
  if (file && end <= file.data.byteLength) return file.data.subarray(data.offset, end);
  const expected = shape.reduce((a, b) => a * b, 1) * ONNX_BYTES[type];
  throw new FlamingoError(
    'bad-file',
    `${name}: ${expected} bytes are expected in ${data.location} up to byte ${end}, which has ${file?.data.byteLength ?? 'no file'}.`,
    {
      hint: 'A file of the package is missing or from another conversion: get the whole package again.',
      details: { name, location: data.location, end },
    },
  );
}
