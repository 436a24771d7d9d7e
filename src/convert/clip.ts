import { FlamingoError } from '../core/errors';
import type { ImageProcessor } from '../format/manifest';
import type { TensorSource } from '../format/tensor-source';
import { huggingFaceClip } from './clip-hugging-face';
import { openClip } from './clip-open-clip';
import { type Described, field } from './families/fields';
import { hasAny } from './families/language';
import type { VisionConfig } from './graphs/vision';
import type { RecipeBook } from './recipe';
import { huggingFaceSiglip } from './siglip-hugging-face';
import { openClipSiglip } from './siglip-open-clip';
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

interface Layout {
  /** Tensors that only this layout has. */
  tensor: RegExp;
  /** Fields of config.json that describe the tower: one of them must be there. */
  described: readonly string[];
  configName: string;
  open(folder: ModelFolder, postNorm: boolean, preprocessor: Described): VisionModel;
}

const OPEN_CLIP = { described: ['model_cfg', 'vision_cfg'], configName: 'open_clip_config.json' };
const HUGGING_FACE = { described: ['vision_config', 'hidden_size'], configName: 'config.json' };

/** What OpenAI's TorchScript archives do not say, because their code does it. Source: open_clip/src/open_clip/model.py build_model_from_openai_state_dict. */
const OPENAI = { model_cfg: { quick_gelu: true, vision_cfg: { head_width: 64 } } };

/** The first whose tensor is there. SigLIP's patch embedding has a bias, CLIP's has none. */
const LAYOUTS: readonly Layout[] = [
  { ...OPEN_CLIP, tensor: /^visual\.(class_embedding$|transformer\.)/, open: openClip },
  { ...OPEN_CLIP, tensor: /^visual\.trunk\./, open: openClipSiglip },
  { ...HUGGING_FACE, tensor: /^vision_model\.embeddings\.patch_embedding\.bias$/, open: huggingFaceSiglip },
  { ...HUGGING_FACE, tensor: /^vision_model\.(embeddings|encoder)\./, open: huggingFaceClip },
];

/**
 * A vision transformer of CLIP or SigLIP in open_clip's names, in Hugging Face's, or in OpenAI's archive; `preprocessor` is what stands in
 * preprocessor_config.json, where there is one.
 */
export function clipVision(
  folder: ModelFolder,
  preprocessor: Described,
  { tokens = 'after-post-norm', keepClass = false }: ClipFeatures = {},
): VisionModel {
  if (folder.source.isScript) folder = { ...folder, config: OPENAI, configFile: folder.path };
  const layout = LAYOUTS.find(({ tensor }) => hasAny(folder.source, tensor));
  if (!layout) throw unknownLayout(folder);
  if (field(folder, ...layout.described) === undefined) {
    throw new FlamingoError(
      'not-found',
      `--vision: ${folder.configFile} does not exist or does not describe a vision tower.`,
      {
        hint: `Put the model’s ${layout.configName} beside the weights: its activation and heads are not in them.`,
        details: { path: folder.path },
      },
    );
  }
  const model = layout.open(folder, tokens === 'after-post-norm', preprocessor);
  return { ...model, config: { ...model.config, keepClass } };
}

function unknownLayout({ path, source }: ModelFolder): FlamingoError {
  const what = hasAny(source, /^visual\.(layer1|attnpool)\./)
    ? 'a CLIP ResNet, which gives no tokens'
    : 'neither an open_clip nor a Hugging Face ViT of CLIP or SigLIP: it has no tensors under visual.transformer, visual.trunk or vision_model.encoder';
  return new FlamingoError('unsupported', `--vision: ${path} is ${what}.`, {
    hint: 'Give a CLIP or SigLIP ViT folder, or an exported vision.onnx.',
    details: { path, first: [...source.tensors.keys()].slice(0, 5) },
  });
}
