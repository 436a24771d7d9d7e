import type { ClipCheckpoint, ClipSpec } from './clip';
import { type Canonical, exact, TensorMaker, type Tensors } from './tensors';

/** Module names of a block: canonical, and timm's. */
const MODULES = { norm1: 'norm1', qkv: 'attn.qkv', out: 'attn.proj', norm2: 'norm2', up: 'mlp.fc1', down: 'mlp.fc2' };

/**
 * SigLIP as open_clip holds it: a timm VisionTransformer (class_token=False, global_pool='map') of 12 heads as `visual.trunk`, and some of the pooling head.
 * Written from timm/models/vision_transformer.py, where this tower computes the approximate GELU with eps 1e-6.
 */
export function timmCheckpoint(spec: ClipSpec, seed: number): ClipCheckpoint {
  const { imageSize, patch, width: W, inner } = spec;
  const make = new TensorMaker(spec.type, seed);
  const tensors: Tensors = new Map();
  const canonical: Canonical = new Map();
  const put = (name: string, target: string, tensor: ReturnType<TensorMaker['make']>) => {
    tensors.set(`visual.trunk.${name}`, tensor);
    canonical.set(`vision.${target}`, exact(tensor));
  };
  const module = (name: string, target: string, rows: number, ...columns: number[]) => {
    put(
      `${name}.weight`,
      `${target}.weight`,
      columns.length > 0 ? make.matrix(rows, ...columns) : make.vector(rows, 1),
    );
    put(`${name}.bias`, `${target}.bias`, make.vector(rows));
  };
  put('pos_embed', 'positions', make.make([1, Math.floor(imageSize / patch) ** 2, W], -1, 1));
  module('patch_embed.proj', 'patch', W, 3, patch, patch);
  module('norm', 'norm_post', W);
  const shapes = { norm1: [W], qkv: [3 * W, W], out: [W, W], norm2: [W], up: [inner, W], down: [W, inner] };
  for (let i = 0; i < spec.layers; i++) {
    for (const [target, name] of Object.entries(MODULES) as [keyof typeof MODULES, string][]) {
      const [rows, ...columns] = shapes[target];
      module(`blocks.${i}.${name}`, `blocks.${i}.${target}`, rows, ...columns);
    }
  }
  tensors.set('visual.trunk.attn_pool.latent', make.make([1, 1, W], -1, 1));
  tensors.set('logit_bias', make.make([], -2, -1));
  const reference = { ...spec, eps: 1e-6, patchBias: true, classToken: false, preNorm: false, postNorm: true };
  const vision_cfg = { image_size: imageSize, timm_model_name: 'vit_base_patch32_siglip_256', timm_pool: 'map' };
  const preprocess_cfg = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], resize_mode: 'squash' };
  return { tensors, canonical, reference, config: { model_cfg: { custom_text: true, vision_cfg }, preprocess_cfg } };
}
