import type { ReferenceVision } from '../../reference/model/vision';
import { type Canonical, exact, type StoredType, stacked, TensorMaker, type Tensors } from './tensors';
import { timmCheckpoint } from './timm';

export interface ClipSpec {
  layout: 'open_clip' | 'hugging face' | 'timm';
  imageSize: number;
  patch: number;
  width: number;
  heads: number;
  layers: number;
  inner: number;
  activation: 'gelu' | 'quick-gelu' | 'gelu-tanh';
  type: StoredType;
}

export interface ClipCheckpoint {
  tensors: Tensors;
  config: Record<string, unknown>;
  reference: ReferenceVision;
  canonical: Canonical;
}

/** Module names of a block: canonical, open_clip's, Hugging Face's. The fused projection of q, k and v is treated apart. */
const MODULES = [
  ['norm1', 'ln_1', 'layer_norm1'],
  ['out', 'attn.out_proj', 'self_attn.out_proj'],
  ['norm2', 'ln_2', 'layer_norm2'],
  ['up', 'mlp.c_fc', 'mlp.fc1'],
  ['down', 'mlp.c_proj', 'mlp.fc2'],
] as const;

/** A CLIP vision tower with its text tower's leftovers, and what its features are by the reference. */
export function clipCheckpoint(spec: ClipSpec, seed: number): ClipCheckpoint {
  if (spec.layout === 'timm') return timmCheckpoint(spec, seed);
  const make = new TensorMaker(spec.type, seed);
  const tensors: Tensors = new Map();
  const canonical: Canonical = new Map();
  const isOpen = spec.layout === 'open_clip';
  const { width: W, patch, inner } = spec;
  const side = Math.floor(spec.imageSize / patch);
  const put = (open: string, face: string, target: string, tensor: ReturnType<TensorMaker['make']>) => {
    tensors.set(isOpen ? `visual.${open}` : `vision_model.${face}`, tensor);
    canonical.set(`vision.${target}`, exact(tensor));
  };
  const module = (open: string, face: string, target: string, rows: number, columns?: number) => {
    put(
      `${open}.weight`,
      `${face}.weight`,
      `${target}.weight`,
      columns ? make.matrix(rows, columns) : make.vector(rows, 1),
    );
    put(`${open}.bias`, `${face}.bias`, `${target}.bias`, make.vector(rows));
  };
  put('class_embedding', 'embeddings.class_embedding', 'class', make.vector(W));
  put('positional_embedding', 'embeddings.position_embedding.weight', 'positions', make.matrix(side * side + 1, W));
  put('conv1.weight', 'embeddings.patch_embedding.weight', 'patch.weight', make.matrix(W, 3, patch, patch));
  module('ln_pre', 'pre_layrnorm', 'norm_pre', W);
  module('ln_post', 'post_layernorm', 'norm_post', W);
  const shapes = { norm1: [W], out: [W, W], norm2: [W], up: [inner, W], down: [W, inner] };
  for (let i = 0; i < spec.layers; i++) {
    for (const [target, open, face] of MODULES) {
      const [rows, columns] = shapes[target];
      module(
        `transformer.resblocks.${i}.${open}`,
        `encoder.layers.${i}.${face}`,
        `blocks.${i}.${target}`,
        rows,
        columns,
      );
    }
    for (const part of ['weight', 'bias']) {
      const parts = [0, 1, 2].map(() => (part === 'weight' ? make.matrix(W, W) : make.vector(W)));
      canonical.set(`vision.blocks.${i}.qkv.${part}`, exact(stacked(...parts)));
      if (isOpen) tensors.set(`visual.transformer.resblocks.${i}.attn.in_proj_${part}`, stacked(...parts));
      else {
        for (const [k, which] of ['q', 'k', 'v'].entries())
          tensors.set(`vision_model.encoder.layers.${i}.self_attn.${which}_proj.${part}`, parts[k]);
      }
    }
  }
  tensors.set(isOpen ? 'visual.proj' : 'visual_projection.weight', make.matrix(8, W));
  tensors.set('logit_scale', make.make([], 1, 2));
  const reference = { ...spec, eps: isOpen ? 1e-5 : 1e-3, postNorm: true };
  return { tensors, canonical, reference, config: isOpen ? openConfig(spec) : faceConfig(spec) };
}

function openConfig({ imageSize, width, heads, layers, patch, inner, activation }: ClipSpec): Record<string, unknown> {
  const vision_cfg = {
    image_size: imageSize,
    layers,
    width,
    head_width: width / heads,
    patch_size: patch,
    mlp_ratio: inner / width,
  };
  return {
    model_cfg: { embed_dim: 8, quick_gelu: activation === 'quick-gelu', vision_cfg },
    preprocess_cfg: { mean: [0.5, 0.4, 0.3], std: [0.2, 0.3, 0.4] },
  };
}

function faceConfig({ imageSize, width, heads, layers, patch, inner, activation }: ClipSpec): Record<string, unknown> {
  return {
    model_type: 'clip',
    vision_config: {
      hidden_size: width,
      intermediate_size: inner,
      num_hidden_layers: layers,
      num_attention_heads: heads,
      image_size: imageSize,
      patch_size: patch,
      hidden_act: activation === 'gelu' ? 'gelu' : 'quick_gelu',
      layer_norm_eps: 1e-3,
    },
  };
}
