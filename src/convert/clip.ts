import { FlamingoError } from '../core/errors';
import type { ImageProcessor } from '../format/manifest';
import { type TensorSource, tensorOf } from '../format/tensor-source';
import type { VisionConfig } from './graphs/vision';
import type { Piece, RecipeBook } from './recipe';
import type { ModelFolder } from './sources';

/** CLIP's own statistics: OPENAI_DATASET_MEAN and _STD. */
const MEAN: [number, number, number] = [0.48145466, 0.4578275, 0.40821073];
const STD: [number, number, number] = [0.26862954, 0.26130258, 0.27577711];

/** Where OpenFlamingo's features are taken from a CLIP tower. */
export type VisionTokens = 'after-post-norm' | 'before-post-norm';

export interface VisionModel {
  config: VisionConfig;
  image: ImageProcessor;
  source: TensorSource;
  fill(book: RecipeBook): void;
  ignore(name: string): string | undefined;
}

/** A CLIP vision transformer in open_clip's names or in Hugging Face's. */
/** `tokens`: before or after the final norm; see VisionConfig.postNorm. */
export function clipVision(folder: ModelFolder, tokens: VisionTokens = 'after-post-norm'): VisionModel {
  const postNorm = tokens === 'after-post-norm';
  const names = folder.source.tensors;
  if (names.has('visual.conv1.weight')) return openClip(folder, postNorm);
  if (names.has('vision_model.embeddings.patch_embedding.weight')) return huggingFaceClip(folder, postNorm);
  throw new FlamingoError(
    'unsupported',
    `${folder.path} is neither an open_clip nor a Hugging Face CLIP ViT: it has no visual.conv1.weight and no vision_model.embeddings.patch_embedding.weight.`,
    {
      hint: 'Give a CLIP ViT folder, or an exported vision.onnx.',
      details: { path: folder.path, first: [...names.keys()].slice(0, 5) },
    },
  );
}

/** Source: open_clip/src/open_clip/{model,transformer}.py. */
function openClip(folder: ModelFolder, postNorm: boolean): VisionModel {
  const { source, config, path } = folder;
  const model = record(config.model_cfg ?? config);
  const vision = record(model.vision_cfg);
  const shape = (name: string) => tensorOf(source, `visual.${name}`).shape;
  const [width, , patch] = shape('conv1.weight');
  const head = typeof vision.head_width === 'number' ? vision.head_width : 64;
  const preprocess = record(config.preprocess_cfg);
  const layers = blockCount(source, /^visual\.transformer\.resblocks\.(\d+)\./);
  const imageSize = imageSizeOf(path, shape('positional_embedding')[0], patch);
  return {
    source,
    config: {
      imageSize,
      patch,
      width,
      layers,
      heads: wholeHeads(path, width, head),
      inner: shape('transformer.resblocks.0.mlp.c_fc.weight')[0],
      activation: model.quick_gelu === true ? 'quick-gelu' : 'gelu',
      eps: 1e-5,
      postNorm,
    },
    image: {
      mode: 'shorter-side',
      size: imageSize,
      crop: imageSize,
      cropRounding: 'round',
      resample: 'bicubic',
      mean: triple(preprocess.mean, MEAN),
      std: triple(preprocess.std, STD),
    },
    fill(book) {
      const copy = (target: string, name: string) => book.set(`vision.${target}`, book.whole(source, `visual.${name}`));
      copy('patch.weight', 'conv1.weight');
      book.set('vision.class', book.whole(source, 'visual.class_embedding'));
      copy('positions', 'positional_embedding');
      for (const part of ['weight', 'bias']) {
        copy(`norm_pre.${part}`, `ln_pre.${part}`);
        if (postNorm) copy(`norm_post.${part}`, `ln_post.${part}`);
      }
      for (let i = 0; i < layers; i++) {
        const [from, to] = [`transformer.resblocks.${i}`, `blocks.${i}`];
        for (const part of ['weight', 'bias']) {
          copy(`${to}.norm1.${part}`, `${from}.ln_1.${part}`);
          copy(`${to}.qkv.${part}`, `${from}.attn.in_proj_${part}`);
          copy(`${to}.out.${part}`, `${from}.attn.out_proj.${part}`);
          copy(`${to}.norm2.${part}`, `${from}.ln_2.${part}`);
          copy(`${to}.up.${part}`, `${from}.mlp.c_fc.${part}`);
          copy(`${to}.down.${part}`, `${from}.mlp.c_proj.${part}`);
        }
      }
    },
    ignore(name) {
      if (/^visual\.(ln_post|proj)/.test(name)) return 'comes after the features that Flamingo takes';
      return name.startsWith('visual.') ? undefined : 'belongs to the text tower';
    },
  };
}

/** Source: transformers models/clip/modeling_clip.py CLIPVisionTransformer. */
function huggingFaceClip(folder: ModelFolder, postNorm: boolean): VisionModel {
  const { source, config, path } = folder;
  const vision = record(config.vision_config ?? config);
  const at = 'vision_model';
  const shape = (name: string) => tensorOf(source, `${at}.${name}`).shape;
  const [width, , patch] = shape('embeddings.patch_embedding.weight');
  const layers = blockCount(source, /^vision_model\.encoder\.layers\.(\d+)\./);
  const imageSize = imageSizeOf(path, shape('embeddings.position_embedding.weight')[0], patch);
  const heads = typeof vision.num_attention_heads === 'number' ? vision.num_attention_heads : width / 64;
  const norm = source.tensors.has(`${at}.pre_layrnorm.weight`) ? 'pre_layrnorm' : 'pre_layernorm'; // upstream's spelling is the first
  return {
    source,
    config: {
      imageSize,
      patch,
      width,
      layers,
      heads: wholeHeads(path, width, width / heads),
      inner: shape('encoder.layers.0.mlp.fc1.weight')[0],
      activation: (vision.hidden_act ?? 'quick_gelu') === 'quick_gelu' ? 'quick-gelu' : 'gelu',
      eps: typeof vision.layer_norm_eps === 'number' ? vision.layer_norm_eps : 1e-5,
      postNorm,
    },
    image: {
      mode: 'shorter-side',
      size: imageSize,
      crop: imageSize,
      cropRounding: 'floor',
      resample: 'bicubic',
      mean: MEAN,
      std: STD,
    },
    fill(book) {
      const piece = (name: string): Piece => book.whole(source, `${at}.${name}`);
      book.set('vision.patch.weight', piece('embeddings.patch_embedding.weight'));
      book.set('vision.class', piece('embeddings.class_embedding'));
      book.set('vision.positions', piece('embeddings.position_embedding.weight'));
      for (const part of ['weight', 'bias']) {
        book.set(`vision.norm_pre.${part}`, piece(`${norm}.${part}`));
        if (postNorm) book.set(`vision.norm_post.${part}`, piece(`post_layernorm.${part}`));
        for (let i = 0; i < layers; i++) {
          const [from, to] = [`encoder.layers.${i}`, `vision.blocks.${i}`];
          book.set(`${to}.norm1.${part}`, piece(`${from}.layer_norm1.${part}`));
          book.set(
            `${to}.qkv.${part}`,
            ...['q', 'k', 'v'].map((which) => piece(`${from}.self_attn.${which}_proj.${part}`)),
          );
          book.set(`${to}.out.${part}`, piece(`${from}.self_attn.out_proj.${part}`));
          book.set(`${to}.norm2.${part}`, piece(`${from}.layer_norm2.${part}`));
          book.set(`${to}.up.${part}`, piece(`${from}.mlp.fc1.${part}`));
          book.set(`${to}.down.${part}`, piece(`${from}.mlp.fc2.${part}`));
        }
      }
    },
    ignore(name) {
      if (/^vision_model\.post_layernorm|^visual_projection/.test(name))
        return 'comes after the features that Flamingo takes';
      if (name.endsWith('position_ids')) return 'a constant that is computed here';
      return name.startsWith('vision_model.') ? undefined : 'belongs to the text tower';
    },
  };
}

function imageSizeOf(path: string, positions: number, patch: number): number {
  const side = Math.sqrt(positions - 1);
  if (Number.isInteger(side)) return side * patch;
  throw new FlamingoError(
    'unsupported',
    `${path}: ${positions} positions are not a square of patches and a class token.`,
  );
}

function wholeHeads(path: string, width: number, headWidth: number): number {
  if (Number.isInteger(width / headWidth)) return width / headWidth;
  throw new FlamingoError(
    'shape-mismatch',
    `${path}: a width of ${width} is not a whole number of heads of ${headWidth}.`,
    { hint: 'Check head_width in the config.' },
  );
}

function blockCount(source: TensorSource, pattern: RegExp): number {
  let count = 0;
  for (const name of source.tensors.keys()) count = Math.max(count, Number(pattern.exec(name)?.[1] ?? -1) + 1);
  return count;
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function triple(value: unknown, otherwise: [number, number, number]): [number, number, number] {
  return Array.isArray(value) && value.length === 3 && value.every((n) => typeof n === 'number')
    ? (value as [number, number, number])
    : otherwise;
}
