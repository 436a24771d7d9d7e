import type { ImageProcessor } from '../format/manifest';
import type { VisionModel } from './clip';
import { fillHuggingFaceBlocks, refuseOtherSteps } from './clip-hugging-face';
import { triple } from './clip-open-clip';
import { towerShape } from './clip-shape';
import {
  activationOf,
  allow,
  type Described,
  field,
  headWidth,
  numberField,
  section,
  unsupported,
} from './families/fields';
import { stack } from './families/language';
import type { RecipeBook } from './recipe';
import type { ModelFolder } from './sources';

const AT = 'vision_model';
const NAMES = {
  kernel: `${AT}.embeddings.patch_embedding.weight`,
  positions: `${AT}.embeddings.position_embedding.weight`,
  up: `${AT}.encoder.layers.0.mlp.fc1.weight`,
  blocks: /^vision_model\.encoder\.layers\.(\d+)\./,
  prefix: 0,
};

/** SigLIP's statistics: transformers IMAGENET_STANDARD_MEAN and _STD. */
export const HALVES: [number, number, number] = [0.5, 0.5, 0.5];

/**
 * SigLIP: no class token, no norm before the first block, a bias in the patch embedding. Its features are `last_hidden_state`, the patches after the final norm;
 * the pooling head is left out. Source: transformers models/siglip/modeling_siglip.py SiglipVisionTransformer; the defaults are SiglipVisionConfig's.
 */
export function huggingFaceSiglip(folder: ModelFolder, postNorm: boolean, preprocessor: Described): VisionModel {
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
      activation: activationOf(vision, 'hidden_act', 'gelu_pytorch_tanh'),
      eps: numberField(vision, 'layer_norm_eps', 1e-6),
      patchBias: true,
      classToken: false,
      preNorm: false,
      postNorm,
    },
    image: imageProcessor(preprocessor, shape.imageSize),
    fill: (book) => fill(book, folder, shape.layers, postNorm),
    ignore(name) {
      if (/^vision_model\.(post_layernorm|head)\./.test(name)) return 'comes after the features that Flamingo takes';
      if (name.endsWith('position_ids')) return 'a constant that is computed here';
      return name.startsWith('vision_model.') ? undefined : 'belongs to the text tower';
    },
  };
}

/** SiglipImageProcessor: both sides to one size, nothing cut off. */
function imageProcessor(given: Described, side: number): ImageProcessor {
  refuseOtherSteps(given);
  allow(given, 'do_center_crop', [false]);
  const size = section(given, 'size');
  for (const name of ['height', 'width']) {
    const value = numberField(size, name, field(given, 'size') === undefined ? side : undefined);
    if (value !== side) throw unsupported(size, name, value, `the tower’s own, ${side}`);
  }
  return {
    mode: 'square',
    size: side,
    crop: side,
    cropRounding: 'floor',
    resample: 'bicubic',
    mean: triple(given, 'image_mean', HALVES),
    std: triple(given, 'image_std', HALVES),
  };
}

function fill(book: RecipeBook, { source }: ModelFolder, layers: number, postNorm: boolean): void {
  stack(book, source, 'vision.patch', [`${AT}.embeddings.patch_embedding`], true);
  book.set('vision.positions', book.whole(source, NAMES.positions));
  if (postNorm) stack(book, source, 'vision.norm_post', [`${AT}.post_layernorm`], true);
  fillHuggingFaceBlocks(book, source, layers);
}
