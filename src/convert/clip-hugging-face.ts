import type { ImageProcessor } from '../format/manifest';
import type { VisionModel } from './clip';
import { triple } from './clip-open-clip';
import { CLIP_MEAN, CLIP_STD, towerShape } from './clip-shape';
import { activationOf, allow, field, headWidth, numberField, section, unsupported } from './families/fields';
import { stack } from './families/language';
import type { RecipeBook } from './recipe';
import type { ModelFolder } from './sources';

type Described = Pick<ModelFolder, 'config' | 'configFile'>;

const AT = 'vision_model';
const NAMES = {
  kernel: `${AT}.embeddings.patch_embedding.weight`,
  positions: `${AT}.embeddings.position_embedding.weight`,
  up: `${AT}.encoder.layers.0.mlp.fc1.weight`,
  blocks: /^vision_model\.encoder\.layers\.(\d+)\./,
};

/** Source: transformers models/clip/modeling_clip.py CLIPVisionTransformer; the defaults are CLIPVisionConfig's. */
export function huggingFaceClip(folder: ModelFolder, postNorm: boolean, preprocessor: Described): VisionModel {
  const { source } = folder;
  const vision = field(folder, 'vision_config') === undefined ? folder : section(folder, 'vision_config');
  const shape = towerShape(source, NAMES, numberField(vision, 'image_size', 224));
  const heads = numberField(vision, 'num_attention_heads', 12);
  headWidth(vision, shape.width, heads);
  return {
    source,
    config: {
      ...shape,
      heads,
      activation: activationOf(vision, 'hidden_act', 'quick_gelu'),
      eps: numberField(vision, 'layer_norm_eps', 1e-5),
      postNorm,
    },
    image: imageProcessor(preprocessor, shape.imageSize),
    fill: (book) => fill(book, folder, shape.layers, postNorm),
    ignore(name) {
      if (/^vision_model\.post_layernorm|^visual_projection/.test(name))
        return 'comes after the features that Flamingo takes';
      if (name.endsWith('position_ids')) return 'a constant that is computed here';
      return name.startsWith('vision_model.') ? undefined : 'belongs to the text tower';
    },
  };
}

/** CLIPImageProcessor. */
function imageProcessor(given: Described, side: number): ImageProcessor {
  for (const step of ['do_resize', 'do_center_crop', 'do_rescale', 'do_normalize']) allow(given, step, [true]);
  allow(given, 'resample', [3], '3 is bicubic.');
  const rescale = numberField(given, 'rescale_factor', 1 / 255);
  if (Math.abs(rescale * 255 - 1) > 1e-6) throw unsupported(given, 'rescale_factor', rescale, '1/255');
  const crop = edge(given, 'crop_size', side);
  if (crop !== side) throw unsupported(given, 'crop_size', crop, `the tower’s own, ${side}`);
  const size = field(given, 'size');
  const fixed = typeof size === 'object' && field(section(given, 'size'), 'height') !== undefined;
  return {
    mode: fixed ? 'square' : 'shorter-side',
    size: edge(given, 'size', side),
    crop,
    cropRounding: 'floor',
    resample: 'bicubic',
    mean: triple(given, 'image_mean', CLIP_MEAN),
    std: triple(given, 'image_std', CLIP_STD),
  };
}

/** A size: n, {shortest_edge: n}, or {height: n, width: n}. */
function edge(given: Described, name: string, otherwise: number): number {
  const value = field(given, name) ?? otherwise;
  if (typeof value === 'number') return value;
  const at = section(given, name);
  const [height, width] = [field(at, 'shortest_edge', 'height'), field(at, 'shortest_edge', 'width')];
  if (typeof height === 'number' && height === width) return height;
  throw unsupported(given, name, value, 'squares');
}

function fill(book: RecipeBook, { source }: ModelFolder, layers: number, postNorm: boolean): void {
  const module = (target: string, ...names: string[]) =>
    stack(
      book,
      source,
      `vision.${target}`,
      names.map((name) => `${AT}.${name}`),
      true,
    );
  book.set('vision.patch.weight', book.whole(source, NAMES.kernel));
  book.set('vision.class', book.whole(source, `${AT}.embeddings.class_embedding`));
  book.set('vision.positions', book.whole(source, NAMES.positions));
  module('norm_pre', source.tensors.has(`${AT}.pre_layernorm.weight`) ? 'pre_layernorm' : 'pre_layrnorm'); // upstream's spelling is the second
  if (postNorm) module('norm_post', 'post_layernorm');
  for (let i = 0; i < layers; i++) {
    const [from, to] = [`encoder.layers.${i}`, `blocks.${i}`];
    module(`${to}.norm1`, `${from}.layer_norm1`);
    module(`${to}.qkv`, ...['q', 'k', 'v'].map((which) => `${from}.self_attn.${which}_proj`));
    module(`${to}.out`, `${from}.self_attn.out_proj`);
    module(`${to}.norm2`, `${from}.layer_norm2`);
    module(`${to}.up`, `${from}.mlp.fc1`);
    module(`${to}.down`, `${from}.mlp.fc2`);
  }
}
