import type { Activation } from '../format/config';
import type { ImageProcessor } from '../format/manifest';
import type { VisionModel } from './clip';
import { CLIP_MEAN, CLIP_STD, towerShape } from './clip-shape';
import { allow, field, numberField, section, unsupported } from './families/fields';
import { hasAny, stack } from './families/language';
import type { RecipeBook } from './recipe';
import type { ModelFolder } from './sources';

type Described = Pick<ModelFolder, 'config' | 'configFile'>;

const NAMES = {
  kernel: 'visual.conv1.weight',
  positions: 'visual.positional_embedding',
  up: 'visual.transformer.resblocks.0.mlp.c_fc.weight',
  blocks: /^visual\.transformer\.resblocks\.(\d+)\./,
};

/** Source: open_clip/src/open_clip/{model,transformer,transform}.py. */
export function openClip(folder: ModelFolder, postNorm: boolean): VisionModel {
  const { source } = folder;
  const model = field(folder, 'model_cfg') === undefined ? folder : section(folder, 'model_cfg');
  const vision = section(model, 'vision_cfg');
  refuseOthers(vision);
  const shape = towerShape(source, NAMES, sideOf(vision, 'image_size'));
  const headDim = numberField(vision, 'head_width', 64);
  const heads = shape.width / headDim;
  if (!Number.isInteger(heads)) throw unsupported(vision, 'head_width', headDim, `widths that divide ${shape.width}`);
  const preNorm = hasAny(source, /^visual\.ln_pre\./);
  // Pooling before the norm leaves the tokens without it, whatever the version.
  const normed = postNorm && field(vision, 'final_ln_after_pool') !== true;
  return {
    source,
    config: {
      ...shape,
      heads,
      activation: activationOf(model, vision),
      eps: numberField(section(vision, 'norm_kwargs'), 'eps', 1e-5),
      preNorm,
      postNorm: normed,
    },
    image: openClipProcessor(section(folder, 'preprocess_cfg'), shape.imageSize),
    fill: (book) => fill(book, folder, shape.layers, preNorm, normed),
    ignore(name) {
      if (/^visual\.(ln_post|proj)/.test(name)) return 'comes after the features that Flamingo takes';
      return name.startsWith('visual.') ? undefined : 'belongs to the text tower';
    },
  };
}

function refuseOthers(vision: Described): void {
  allow(vision, 'attentional_pool', [false]);
  allow(vision, 'global_average_pool', [false], 'Older versions of open_clip keep the class token then.');
  allow(vision, 'input_patchnorm', [false]);
  allow(vision, 'ls_init_value', []);
  allow(vision, 'pos_embed_type', ['learnable', 'sin_cos_2d']);
  allow(vision, 'pool_type', ['tok', 'avg']);
  allow(vision, 'no_ln_pre', [true, false]);
}

function activationOf(model: Described, vision: Described): Activation {
  if (field(model, 'quick_gelu') === true) return 'quick-gelu';
  const settings = section(vision, 'act_kwargs');
  allow(settings, 'approximate', ['none', 'tanh']);
  return field(settings, 'approximate') === 'tanh' ? 'gelu-tanh' : 'gelu';
}

/** A side of a square: n, or [n, n]; with three channels in front in preprocess_cfg. */
export function sideOf(at: Described, name: string): number | undefined {
  const value = field(at, name);
  if (value === undefined || typeof value === 'number') return value;
  const [height, width] = Array.isArray(value) ? value.slice(-2) : [];
  if (typeof height === 'number' && height === width) return height;
  throw unsupported(at, name, value, 'squares');
}

/** open_clip.transform.image_transform for inference. */
export function openClipProcessor(preprocess: Described, size: number): ImageProcessor {
  allow(preprocess, 'interpolation', ['bicubic']);
  allow(preprocess, 'resize_mode', ['shortest', 'squash']);
  allow(preprocess, 'mode', ['RGB']);
  const given = sideOf(preprocess, 'size') ?? size;
  if (given !== size) throw unsupported(preprocess, 'size', given, `the tower’s own, ${size}`);
  return {
    mode: field(preprocess, 'resize_mode') === 'squash' ? 'square' : 'shorter-side',
    size,
    crop: size,
    cropRounding: 'round',
    resample: 'bicubic',
    mean: triple(preprocess, 'mean', CLIP_MEAN),
    std: triple(preprocess, 'std', CLIP_STD),
  };
}

/** Three numbers, one per channel. */
export function triple(at: Described, name: string, otherwise: [number, number, number]): [number, number, number] {
  const value = field(at, name) ?? otherwise;
  if (Array.isArray(value) && value.length === 3 && value.every((n) => Number.isFinite(n)))
    return [value[0], value[1], value[2]];
  throw unsupported(at, name, value, 'three numbers');
}

function fill(book: RecipeBook, { source }: ModelFolder, layers: number, preNorm: boolean, postNorm: boolean): void {
  const set = (target: string, name: string) => book.set(`vision.${target}`, book.whole(source, `visual.${name}`));
  const module = (target: string, name: string) => stack(book, source, `vision.${target}`, [`visual.${name}`], true);
  set('patch.weight', 'conv1.weight');
  set('class', 'class_embedding');
  set('positions', 'positional_embedding');
  if (preNorm) module('norm_pre', 'ln_pre');
  if (postNorm) module('norm_post', 'ln_post');
  for (let i = 0; i < layers; i++) {
    const [from, to] = [`transformer.resblocks.${i}`, `blocks.${i}`];
    module(`${to}.norm1`, `${from}.ln_1`);
    for (const part of ['weight', 'bias']) set(`${to}.qkv.${part}`, `${from}.attn.in_proj_${part}`);
    module(`${to}.out`, `${from}.attn.out_proj`);
    module(`${to}.norm2`, `${from}.ln_2`);
    module(`${to}.up`, `${from}.mlp.c_fc`);
    module(`${to}.down`, `${from}.mlp.c_proj`);
  }
}
