import { FlamingoError } from '../../core/errors';
import { tileArrangements } from '../../core/tile-arrangements';
import type { ImageProcessor } from '../../format/manifest';
import { triple } from '../clip-open-clip';
import { WeightEncoder } from '../encode-weights';
import {
  buildTiledVision,
  type TiledVisionConfig,
  tiledVisionTensors,
  tiledWidth,
  tileTokens,
} from '../graphs/vision-tiled';
import { writeGraph } from '../graphs/write-graph';
import { checkRecipes, explainUnused, RecipeBook } from '../recipe';
import type { ModelFolder } from '../sources';
import type { VisionSource } from '../vision-source';
import {
  activationOf,
  allow,
  type Described,
  field,
  flagField,
  headWidth,
  numberField,
  section,
  unsupported,
} from './fields';
import { countBlocks, mover, stack } from './language';

/** Defaults of MllamaVisionConfig. */
const TAPS = [3, 7, 15, 23, 30];
const IMAGENET_STANDARD: [number, number, number] = [0.5, 0.5, 0.5];

/** The tiled tower as vision.onnx; `vision` is the part of the checkpoint under `vision_model.`, with its own config. */
export function mllamaVision(vision: ModelFolder, preprocessor: Described): VisionSource {
  const config = towerConfig(vision);
  const book = new RecipeBook();
  fill(book, vision, config);
  checkRecipes(
    tiledVisionTensors(config).map(([name, shape]) => ({ name, shape })),
    book.recipes,
  );
  const { imageSize, tiles } = config;
  return {
    label: vision.source.label,
    image: imageProcessor(preprocessor, config),
    vision: { width: tiledWidth(config), patches: tileTokens(config), imageSize, tiles },
    unused: explainUnused(book, vision.source, () => undefined),
    write: async (sink, type) =>
      await writeGraph(buildTiledVision(config, type), new WeightEncoder(book.recipes, new Map(), type).pieces, sink),
    async [Symbol.asyncDispose]() {},
  };
}

function towerConfig(vision: ModelFolder): TiledVisionConfig {
  allow(vision, 'num_channels', [3]);
  const width = numberField(vision, 'hidden_size', 1280);
  const heads = numberField(vision, ['attention_heads', 'num_attention_heads'], 16);
  headWidth(vision, width, heads);
  const layers = countBlocks(vision, /^transformer\.layers\.(\d+)\./, numberField(vision, 'num_hidden_layers', 32));
  const tiles = numberField(vision, 'max_num_tiles', 4);
  const config = {
    imageSize: numberField(vision, 'image_size', 448),
    patch: numberField(vision, 'patch_size', 14),
    width,
    heads,
    inner: numberField(vision, 'intermediate_size', 5120),
    activation: activationOf(vision, 'hidden_act', 'gelu'),
    eps: numberField(vision, 'norm_eps', 1e-5),
    layers,
    globalLayers: countBlocks(
      vision,
      /^global_transformer\.layers\.(\d+)\./,
      numberField(vision, 'num_global_layers', 8),
    ),
    taps: tapsOf(vision, layers),
    tiles,
    arrangements: arrangementsOf(vision, tiles),
  };
  allow(
    vision,
    'vision_output_dim',
    [tiledWidth(config)],
    'It is the width of the last state and of those that are tapped.',
  );
  return config;
}

/** States beside the last one: number i is the state before block i, the last the state behind all blocks; negative ones count from the end. */
function tapsOf(vision: Described, layers: number): number[] {
  const value = field(vision, 'intermediate_layers_indices') ?? TAPS;
  const isState = (i: unknown): i is number => Number.isInteger(i) && Number(i) >= -layers - 1 && Number(i) <= layers;
  if (!Array.isArray(value) || !value.every(isState))
    throw unsupported(vision, 'intermediate_layers_indices', value, `lists of states, 0 to ${layers}`);
  return value.map((i) => (i < 0 ? i + layers + 1 : i));
}

/** Rows of the tables of arrangements. The image processor counts all grids of so many tiles, so the tower has to know them all. */
function arrangementsOf(vision: Described, tiles: number): number {
  const known = tileArrangements(tiles).length;
  const value = field(vision, 'supported_aspect_ratios') ?? tileArrangements(4);
  if (Array.isArray(value) && value.length >= known) return value.length + 1;
  throw unsupported(vision, 'supported_aspect_ratios', value, `lists of all ${known} grids of up to ${tiles} tiles`);
}

/** MllamaImageProcessor. (value * factor - mean) / std is written as (value / 255 - mean') / std'. */
function imageProcessor(given: Described, { imageSize, tiles }: TiledVisionConfig): ImageProcessor {
  if (Object.keys(given.config).length === 0) {
    throw new FlamingoError('not-found', `--model: ${given.configFile} does not exist.`, {
      hint: 'Get it with the checkpoint: how pictures are cut into tiles stands there.',
      details: { path: given.configFile },
    });
  }
  for (const step of ['do_convert_rgb', 'do_resize', 'do_pad']) allow(given, step, [true]);
  allow(given, 'max_image_tiles', [tiles], 'The tower has tables for so many.');
  if (field(given, 'max_image_tiles') === undefined && tiles !== 4)
    throw unsupported(given, 'max_image_tiles', 4, `the tower’s own, ${tiles}`);
  const resample = numberField(given, 'resample', 2);
  if (resample !== 2 && resample !== 3) throw unsupported(given, 'resample', resample, '2 (bilinear) and 3 (bicubic)');
  const size = section(given, 'size');
  const [height, width] = [numberField(size, 'height', 224), numberField(size, 'width', 224)];
  if (height !== imageSize || width !== imageSize)
    throw unsupported(given, 'size', { height, width }, `the tower’s own, ${imageSize}`);
  const factor = flagField(given, 'do_rescale', true) ? numberField(given, 'rescale_factor', 1 / 255) : 1;
  const normalises = flagField(given, 'do_normalize', true);
  const scaled = (name: string, plain: number): [number, number, number] => {
    const value = normalises ? triple(given, name, IMAGENET_STANDARD) : [plain, plain, plain];
    const [red, green, blue] = Math.abs(factor * 255 - 1) < 1e-9 ? value : value.map((x) => x / (255 * factor));
    return [red, green, blue];
  };
  return {
    mode: 'tiles',
    size: imageSize,
    crop: imageSize,
    cropRounding: 'floor',
    resample: resample === 2 ? 'bilinear' : 'bicubic',
    tiles,
    mean: scaled('image_mean', 0),
    std: scaled('image_std', 1),
  };
}

function fill(book: RecipeBook, { source }: ModelFolder, { layers, globalLayers }: TiledVisionConfig): void {
  const set = (target: string, name: string) => book.set(`vision.${target}`, book.whole(source, name));
  set('patch.weight', 'patch_embedding.weight');
  set('class', 'class_embedding');
  set('positions', 'gated_positional_embedding.embedding');
  set('positions_gate', 'gated_positional_embedding.gate');
  set('tile_positions', 'gated_positional_embedding.tile_embedding.weight');
  for (const [target, name] of [
    ['before', 'pre'],
    ['behind', 'post'],
  ]) {
    set(`tiles_${target}`, `${name}_tile_positional_embedding.embedding.weight`);
    set(`tiles_${target}_gate`, `${name}_tile_positional_embedding.gate`);
  }
  for (const name of ['pre', 'post']) stack(book, source, `vision.norm_${name}`, [`layernorm_${name}`], true);
  for (let i = 0; i < layers; i++) fillBlock(book, source, `vision.blocks.${i}`, `transformer.layers.${i}`);
  for (let i = 0; i < globalLayers; i++) {
    fillBlock(book, source, `vision.global.${i}`, `global_transformer.layers.${i}`);
    set(`global.${i}.attn_gate`, `global_transformer.layers.${i}.gate_attn`);
    set(`global.${i}.ff_gate`, `global_transformer.layers.${i}.gate_ffn`);
  }
}

function fillBlock(book: RecipeBook, source: ModelFolder['source'], to: string, from: string): void {
  const put = mover(book, source, from, to);
  put('norm1', true, 'input_layernorm');
  put('qkv', false, ...['q', 'k', 'v'].map((which) => `self_attn.${which}_proj`));
  put('out', false, 'self_attn.o_proj');
  put('norm2', true, 'post_attention_layernorm');
  put('up', true, 'mlp.fc1');
  put('down', true, 'mlp.fc2');
}
