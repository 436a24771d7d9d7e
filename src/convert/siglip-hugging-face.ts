import type { ImageProcessor } from '../format/manifest';
import type { VisionModel } from './clip';
import { refuseOtherSteps } from './clip-hugging-face';
import { triple } from './clip-open-clip';
import { allow, type Described, field, numberField, section, unsupported } from './families/fields';
import { stack } from './families/language';
import { AT, fillHuggingFaceTower, huggingFaceSizes, leftOut } from './hugging-face-tower';
import type { ModelFolder } from './sources';

/** SigLIP's statistics: transformers IMAGENET_STANDARD_MEAN and _STD. */
export const HALVES: [number, number, number] = [0.5, 0.5, 0.5];

/**
 * SigLIP: no class token, no norm before the first block, a bias in the patch embedding. Its features are `last_hidden_state`, the patches after the final norm;
 * the pooling head is left out. Source: transformers models/siglip/modeling_siglip.py SiglipVisionTransformer; the defaults are SiglipVisionConfig's.
 */
export function huggingFaceSiglip(folder: ModelFolder, postNorm: boolean, preprocessor: Described): VisionModel {
  const sizes = huggingFaceSizes(folder, 0, { activation: 'gelu_pytorch_tanh', eps: 1e-6 });
  return {
    source: folder.source,
    config: { ...sizes, patchBias: true, classToken: false, preNorm: false, postNorm },
    image: imageProcessor(preprocessor, sizes.imageSize),
    fill(book) {
      stack(book, folder.source, 'vision.patch', [`${AT}.embeddings.patch_embedding`], true);
      fillHuggingFaceTower(book, folder, sizes.layers, postNorm);
    },
    ignore: (name) => leftOut(name, /^vision_model\.(post_layernorm|head)\./),
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
