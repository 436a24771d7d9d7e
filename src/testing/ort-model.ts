import { buildDecoder, type DecoderOptions } from '../convert/graphs/decoder';
import type { GraphPlan } from '../convert/graphs/graph-builder';
import { buildResampler } from '../convert/graphs/resampler';
import { writeGraph } from '../convert/graphs/write-graph';
import type { WeightType } from '../core/dtypes';
import type { FlamingoConfig } from '../format/config';
import { decoderTensors, resamplerTensors, scaleName } from '../format/tensor-names';
import type { WeightReader } from '../model/weights';
import type { GraphFiles } from '../ort/executor';
import { dequantize } from '../reference/linear/dequantize';
import type { WeightValues } from '../reference/model/math';

/** A plan written to memory, with its data files beside it, as `convert` would write it to a folder. */
export async function graphFiles(plan: GraphPlan, reader: WeightReader): Promise<GraphFiles> {
  const files = new Map<string, Uint8Array[]>();
  const sink = {
    write: async (path: string, bytes: Uint8Array) => {
      files.set(path, [...(files.get(path) ?? []), bytes.slice()]);
    },
  };
  await writeGraph(
    plan,
    async function* ({ name }) {
      yield await reader.read(name);
    },
    sink,
  );
  const whole = (path: string) => join(files.get(path) ?? []);
  const model = `${plan.name}.onnx`;
  const data = [...files.keys()].filter((path) => path !== model).map((path) => ({ path, data: whole(path) }));
  return { model: whole(model), data };
}

export async function modelFiles(
  config: FlamingoConfig,
  type: WeightType,
  reader: WeightReader,
  options: DecoderOptions = { taps: true },
) {
  return {
    resampler: await graphFiles(buildResampler(config, type), reader),
    decoder: await graphFiles(buildDecoder(config, type, options), reader),
  };
}

/** The numbers behind a package's bytes, as the references read them. */
export async function weightValues(
  config: FlamingoConfig,
  type: WeightType,
  reader: WeightReader,
): Promise<WeightValues> {
  const values = new Map<string, Float64Array>();
  for (const { name, shape, kind } of [...resamplerTensors(config), ...decoderTensors(config)]) {
    const stored = kind === 'vector' ? 'f32' : type;
    const words = (bytes: Uint8Array) =>
      new Uint32Array(join([bytes, new Uint8Array((4 - (bytes.length % 4)) % 4)]).buffer);
    const scale = stored === 'q8' || stored === 'q4' ? words(await reader.read(scaleName(name))) : new Uint32Array();
    const rows = kind === 'vector' ? 1 : shape[0];
    const length = shape.reduce((a, b) => a * b, 1);
    values.set(name, dequantize(stored, words(await reader.read(name)), scale, rows, length / rows));
  }
  return (name) => {
    const found = values.get(name);
    if (!found) throw new Error(`no tensor ${name}`);
    return found;
  };
}

function join(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
