import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as v from 'valibot';
import { FlamingoError, isFlamingoError } from '../core/errors';
import type { FlamingoConfig } from '../format/config';
import { type ClipText, type ImageProcessor, imageProcessor } from '../format/manifest';
import { decodeModel } from '../format/onnx/decode';
import { type ClipFeatures, clipVision } from './clip';
import { type ClipTextTower, clipTextTower } from './clip-text';
import { WeightEncoder } from './encode-weights';
import { buildVision, visionPatches, visionTensors } from './graphs/vision';
import { type FileSink, writeGraph } from './graphs/write-graph';
import { checkRecipes, explainUnused, type Recipe, RecipeBook } from './recipe';
import { type ModelFolder, openModel, readJson } from './sources';

type Described = Pick<ModelFolder, 'config' | 'configFile'>;

/** A vision encoder ready to be written as vision.onnx. */
export interface VisionSource extends AsyncDisposable {
  /** File that holds it, for messages. */
  label: string;
  image: ImageProcessor;
  /** [patches, width] of the features, and the picture's side. */
  vision: FlamingoConfig['vision'];
  /** Tensors left out, with the reason; empty for an exported graph. */
  unused: { name: string; reason: string }[];
  write(sink: FileSink, type: 'f32' | 'f16'): Promise<void>;
  /** CLIP's text tower, written with the encoder. */
  clip?: ClipText;
  /** What should be said of the encoder. */
  notes?: string[];
}

/** What stands beside an exported encoder: how pixels are made for it, and what it gives. */
const exportedSettings = v.object({
  size: v.number(),
  crop: v.optional(v.number()),
  mode: v.optional(imageProcessor.entries.mode, 'shorter-side'),
  crop_rounding: v.optional(imageProcessor.entries.cropRounding, 'round'),
  mean: imageProcessor.entries.mean,
  std: imageProcessor.entries.std,
  patches: v.number(),
  width: v.number(),
});

/** A CLIP folder or file, or an exported `.onnx` with a `.json` of the same name beside it. */
export async function openVision(path: string, features: ClipFeatures = {}, withText = false): Promise<VisionSource> {
  return path.endsWith('.onnx') ? await exportedVision(path) : await clipSource(path, features, withText);
}

async function clipSource(path: string, features: ClipFeatures, withText: boolean): Promise<VisionSource> {
  const folder = await openModel('--vision', path);
  try {
    const tower = withText ? await clipTextTower(folder) : undefined;
    const text = typeof tower === 'string' ? undefined : tower;
    const source = clipOf(folder, await preprocessorOf(folder), features, text);
    return typeof tower === 'string' ? { ...source, notes: [tower] } : source;
  } catch (error) {
    await folder[Symbol.asyncDispose]();
    throw error;
  }
}

/** What stands in preprocessor_config.json beside a config; nothing where there is none. */
export async function preprocessorOf({ configFile }: Pick<ModelFolder, 'configFile'>): Promise<Described> {
  const path = join(dirname(configFile), 'preprocessor_config.json');
  return { configFile: path, config: await readJson(path).catch(absent) };
}

/** A CLIP tower whose weights and config are open, as vision.onnx. The folder is closed with it. */
export function clipOf(
  folder: ModelFolder,
  preprocessor: Described,
  features: ClipFeatures = {},
  text?: ClipTextTower,
): VisionSource {
  const tower = clipVision(folder, preprocessor, features);
  const model = text ? { ...tower, config: { ...tower.config, embedding: text.config } } : tower;
  const book = new RecipeBook();
  model.fill(book);
  text?.fill(book);
  const tensors = visionTensors(model.config).map(([name, shape]) => ({ name, shape }));
  checkRecipes(tensors, book.recipes);
  const { imageSize, width } = model.config;
  return {
    label: model.source.label,
    image: model.image,
    vision: { width, patches: visionPatches(model.config), imageSize },
    unused: explainUnused(book, model.source, (name) => model.ignore(name)),
    async write(sink, type) {
      const recipes: ReadonlyMap<string, Recipe> = book.recipes;
      await writeGraph(buildVision(model.config, type), new WeightEncoder(recipes, new Map(), type).pieces, sink);
      await text?.write(sink, type);
    },
    clip: text?.clip,
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

function absent(error: unknown): Record<string, unknown> {
  if (isFlamingoError(error) && error.code === 'not-found') return {};
  throw error;
}

/** Taken as it is; only its shape is checked. The graph has to hold its weights itself. */
async function exportedVision(path: string): Promise<VisionSource> {
  const settingsPath = path.replace(/\.onnx$/, '.json');
  const result = v.safeParse(exportedSettings, await readJson(settingsPath));
  if (!result.success) {
    const [issue] = result.issues;
    throw new FlamingoError('bad-file', `${settingsPath}: ${v.getDotPath(issue)}: ${issue.message}.`, {
      hint: 'Beside an exported encoder stands {"size", "mean", "std", "patches", "width"}; optional "crop", "mode", "crop_rounding".',
    });
  }
  const bytes = await readFile(path).catch(() => {
    throw new FlamingoError('not-found', `--vision: ${path} does not exist.`, { hint: 'Check the path.' });
  });
  const summary = decodeModel(path, bytes);
  const external = [...summary.initializers.values()].find(({ data }) => data.kind === 'external');
  if (external) {
    throw new FlamingoError('unsupported', `${path} keeps ${external.name} in another file.`, {
      hint: 'Export it with the weights inside the file.',
    });
  }
  const { size, crop = size, mode, crop_rounding, mean, std, patches, width } = result.output;
  return {
    label: path,
    image: { mode, size, crop, cropRounding: crop_rounding, resample: 'bicubic', mean, std },
    vision: { width, patches, imageSize: crop },
    unused: [],
    write: (sink) => sink.write('vision.onnx', bytes),
    async [Symbol.asyncDispose]() {},
  };
}
