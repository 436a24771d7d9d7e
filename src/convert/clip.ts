import { FlamingoError } from '../core/errors';
import type { ImageProcessor } from '../format/manifest';
import type { TensorSource } from '../format/tensor-source';
import { huggingFaceClip } from './clip-hugging-face';
import { openClip } from './clip-open-clip';
import { field } from './families/fields';
import type { VisionConfig } from './graphs/vision';
import type { RecipeBook } from './recipe';
import type { ModelFolder } from './sources';

/** Where OpenFlamingo's features are taken from a CLIP tower. */
export type VisionTokens = 'after-post-norm' | 'before-post-norm';

/** Which of a tower's tokens are the features. */
export interface ClipFeatures {
  /** Before or after the final norm; see VisionConfig.postNorm. */
  tokens?: VisionTokens;
  /** The class token is the first of the features. */
  keepClass?: boolean;
}

export interface VisionModel {
  config: VisionConfig;
  image: ImageProcessor;
  source: TensorSource;
  fill(book: RecipeBook): void;
  ignore(name: string): string | undefined;
}

/** A CLIP vision transformer in open_clip's names or in Hugging Face's; `preprocessor` is what stands in preprocessor_config.json, where there is one. */
export function clipVision(
  folder: ModelFolder,
  preprocessor: Pick<ModelFolder, 'config' | 'configFile'>,
  { tokens = 'after-post-norm', keepClass = false }: ClipFeatures = {},
): VisionModel {
  const names = folder.source.tensors;
  const isOpenClip = names.has('visual.conv1.weight');
  if (!isOpenClip && !names.has('vision_model.embeddings.patch_embedding.weight')) throw unknownLayout(folder);
  if (
    field(folder, isOpenClip ? 'model_cfg' : 'vision_config', isOpenClip ? 'vision_cfg' : 'hidden_size') === undefined
  ) {
    throw new FlamingoError(
      'not-found',
      `--vision: ${folder.configFile} does not exist or does not describe a vision tower.`,
      {
        hint: isOpenClip
          ? 'Put the model’s open_clip_config.json beside the weights: its activation and heads are not in them.'
          : 'Put the model’s config.json beside the weights: its activation and heads are not in them.',
        details: { path: folder.path },
      },
    );
  }
  const postNorm = tokens === 'after-post-norm';
  const model = isOpenClip ? openClip(folder, postNorm) : huggingFaceClip(folder, postNorm, preprocessor);
  return { ...model, config: { ...model.config, keepClass } };
}

function unknownLayout({ path, source }: ModelFolder): FlamingoError {
  return new FlamingoError(
    'unsupported',
    `--vision: ${path} is neither an open_clip nor a Hugging Face CLIP ViT: it has no visual.conv1.weight and no vision_model.embeddings.patch_embedding.weight.`,
    {
      hint: 'Give a CLIP ViT folder, or an exported vision.onnx.',
      details: { path, first: [...source.tensors.keys()].slice(0, 5) },
    },
  );
}
