import { join } from 'node:path';
import type { WeightType } from '../core/dtypes';
import { throwIfAborted } from '../core/errors';
import type { FlamingoConfig } from '../format/config';
import { type Manifest, PACKAGE_FORMAT } from '../format/manifest';
import { decoderTensors, resamplerTensors, type TensorSpec } from '../format/tensor-names';
import { type TensorError, WeightEncoder } from './encode-weights';
import { buildDecoder } from './graphs/decoder';
import { buildResampler } from './graphs/resampler';
import { OPSET, writeGraph } from './graphs/write-graph';
import { fetchParts, type HubSettings } from './hub';
import { openMapper } from './mapper';
import { PackageWriter, refuseExisting } from './package-writer';
import type { ConversionPlan } from './plan';
import { withPreset } from './presets';
import { openSourceModel, type SourceOptions } from './source-model';
import type { VisionSource } from './vision-source';

export interface ConvertOptions extends SourceOptions {
  out: string;
  dtype: WeightType;
  dryRun?: boolean;
  force?: boolean;
  name?: string;
  license?: string;
  /** Exported mapper of a visual prefix (mapper.onnx), for the comparison with Frozen and ClipCap. */
  mapper?: string;
  /** For parts that are addresses on a hub. */
  hub?: HubSettings;
  /** Ends the conversion between two pieces; nothing of the package stays, what came from a hub does. */
  signal?: AbortSignal;
}

export interface ConvertReport {
  config: FlamingoConfig;
  dtype: WeightType;
  /** Tensors of the sources that no graph needs, with the reason. */
  unused: { name: string; reason: string }[];
  notes: string[];
  /** Quantisation error per matrix; empty for f32 and f16. */
  errors: TensorError[];
  files: { path: string; size: number }[];
}

/** Converts a checkpoint to a model package. Nothing of the model is in memory whole; on failure nothing is left behind. */
export async function convert(given: ConvertOptions): Promise<ConvertReport> {
  const options = await withPreset(given);
  if (!options.dryRun) await refuseExisting(options.out, options.force ?? false);
  const local = await fetchParts(options, { ...options.hub, signal: options.signal });
  await using model = await openSourceModel({ ...options, ...local.paths });
  const { vision, plan, tokenizer, prompt, notes } = model;
  throwIfAborted(options.signal);
  const { config, unused } = plan;
  const mapper = options.mapper === undefined ? undefined : await openMapper(options.mapper, config, vision);
  const report = { config, dtype: options.dtype, unused, notes, errors: [], files: [] };
  if (options.dryRun) return report;
  const writer = await PackageWriter.create(options.out, options.force ?? false, options.signal);
  try {
    const errors = await writeGraphs(writer, vision, plan, { type: options.dtype, given: mapper !== undefined });
    if (mapper) await writer.write('mapper.onnx', mapper.bytes);
    await writer.write('tokenizer.json', new TextEncoder().encode(tokenizer.text));
    const files = writer.listed();
    const manifest: Manifest = {
      format: PACKAGE_FORMAT,
      name: options.name ?? local.name ?? model.name,
      config,
      image: vision.image,
      prompt,
      ...(vision.clip ? { clip: vision.clip } : {}),
      ...(mapper ? { prefix: mapper.prefix } : {}),
      dtype: options.dtype,
      onnx: {
        opset: OPSET,
        contrib: options.dtype === 'q8' || options.dtype === 'q4' ? ['com.microsoft.MatMulNBits'] : [],
      },
      license: options.license ?? 'unknown',
      base_models: local.repositories.length > 0 ? local.repositories : model.baseModels,
      files,
    };
    await writer.finish(`${JSON.stringify(manifest, null, 1)}\n`);
    return { ...report, errors, files: files.map(({ path, size }) => ({ path, size })) };
  } catch (error) {
    throw await writer.abandon(error);
  }
}

async function writeGraphs(
  writer: PackageWriter,
  vision: VisionSource,
  { config, recipes }: ConversionPlan,
  { type, given }: { type: WeightType; given: boolean },
) {
  const matrices = new Map(
    [...resamplerTensors(config), ...decoderTensors(config)].filter(isMatrix).map(({ name, shape }) => [name, shape]),
  );
  const encoder = new WeightEncoder(recipes, matrices, type);
  await vision.write(writer, type === 'f32' ? 'f32' : 'f16');
  await writeGraph(buildResampler(config, type), encoder.pieces, writer);
  await writeGraph(buildDecoder(config, type, { taps: true, given }), encoder.pieces, writer);
  return encoder.errors;
}

function isMatrix({ kind }: TensorSpec): boolean {
  return kind === 'matrix';
}

/** Name of a package file in a folder; kept here so that `inspect` and tests agree. */
export function manifestPath(folder: string): string {
  return join(folder, 'model.json');
}
