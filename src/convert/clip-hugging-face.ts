import type { ImageProcessor } from '../format/manifest';
import type { TensorSource } from '../format/tensor-source';
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
  allow(given, 'do_center_crop', [true]);
  refuseOtherSteps(given);
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

/** What an image processor of transformers may leave out or do otherwise, but none of these towers does. */
export function refuseOtherSteps(given: Described): void {
  for (const step of ['do_resize', 'do_rescale', 'do_normalize']) allow(given, step, [true]);
  allow(given, 'resample', [3], '3 is bicubic.');
  const rescale = numberField(given, 'rescale_factor', 1 / 255);
  if (Math.abs(rescale * 255 - 1) > 1e-6) throw unsupported(given, 'rescale_factor', rescale, '1/255');
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
  const module = (target: string, name: string) => stack(book, source, `vision.${target}`, [`${AT}.${name}`], true);
  book.set('vision.patch.weight', book.whole(source, NAMES.kernel));
  book.set('vision.class', book.whole(source, `${AT}.embeddings.class_embedding`));
  book.set('vision.positions', book.whole(source, NAMES.positions));
  module('norm_pre', source.tensors.has(`${AT}.pre_layernorm.weight`) ? 'pre_layernorm' : 'pre_layrnorm'); // upstream's spelling is the second
  if (postNorm) module('norm_post', 'post_layernorm');
  fillHuggingFaceBlocks(book, source, layers);
}

/** The encoder of CLIP and of SigLIP: modeling_siglip.py copies it. */
export function fillHuggingFaceBlocks(book: RecipeBook, source: TensorSource, layers: number): void {
  for (let i = 0; i < layers; i++) {
    const [from, to] = [`${AT}.encoder.layers.${i}`, `vision.blocks.${i}`];
    const module = (target: string, ...names: string[]) =>
      stack(
        book,
        source,
        `${to}.${target}`,
        names.map((name) => `${from}.${name}`),
        true,
      );
    module('norm1', 'layer_norm1');
    module('qkv', 'self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj');
    module('out', 'self_attn.out_proj');
    module('norm2', 'layer_norm2');
    module('up', 'mlp.fc1');
    module('down', 'mlp.fc2');
  }
}
