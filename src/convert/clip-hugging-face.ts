import type { ImageProcessor } from '../format/manifest';
import type { VisionModel } from './clip';
import { triple } from './clip-open-clip';
import { CLIP_MEAN, CLIP_STD } from './clip-shape';
import { allow, type Described, field, numberField, section, unsupported } from './families/fields';
import { stack } from './families/language';
import { AT, fillHuggingFaceTower, huggingFaceSizes, leftOut, NAMES } from './hugging-face-tower';
import type { RecipeBook } from './recipe';
import type { ModelFolder } from './sources';

/** Source: transformers models/clip/modeling_clip.py CLIPVisionTransformer; the defaults are CLIPVisionConfig's. */
export function huggingFaceClip(folder: ModelFolder, postNorm: boolean, preprocessor: Described): VisionModel {
  const sizes = huggingFaceSizes(folder, 1, { activation: 'quick_gelu', eps: 1e-5 });
  return {
    source: folder.source,
    config: { ...sizes, postNorm },
    image: imageProcessor(preprocessor, sizes.imageSize),
    fill: (book) => fill(book, folder, sizes.layers, postNorm),
    ignore: (name) => leftOut(name, /^vision_model\.post_layernorm|^visual_projection/),
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

function fill(book: RecipeBook, folder: ModelFolder, layers: number, postNorm: boolean): void {
  const { source } = folder;
  book.set('vision.patch.weight', book.whole(source, NAMES.kernel));
  book.set('vision.class', book.whole(source, `${AT}.embeddings.class_embedding`));
  const norm = source.tensors.has(`${AT}.pre_layernorm.weight`) ? 'pre_layernorm' : 'pre_layrnorm'; // upstream's spelling is the second
  stack(book, source, 'vision.norm_pre', [`${AT}.${norm}`], true);
  fillHuggingFaceTower(book, folder, layers, postNorm);
}
