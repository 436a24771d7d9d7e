import { expect, test } from 'vitest';
import type { TensorSource } from '../format/tensor-source';
import { ShapesOnly } from '../testing/checkpoints/shapes-only';
import { clipVision, type VisionModel } from './clip';
import { visionTensors } from './graphs/vision';
import { checkRecipes, explainUnused, RecipeBook } from './recipe';

/** Published towers: where they come from, sizes by their papers' tables, heads, and patches of one picture. */
const TOWERS: [name: string, config: Record<string, unknown>, sizes: Sizes, heads: number, patches: number][] = [
  ['ViT-B-32 of OpenAI', openClip({ width: 768, patch_size: 32 }, { quick_gelu: true }), [768, 32, 12, 3072], 12, 49],
  ['ViT-L-14-336', openClip({ width: 1024, patch_size: 14, image_size: 336 }), [1024, 14, 24, 4096], 16, 576],
  ['ViT-H-14', openClip({ width: 1280, head_width: 80, patch_size: 14 }), [1280, 14, 32, 5120], 16, 256],
  ['ViT-g-14', openClip({ width: 1408, head_width: 88, mlp_ratio: 4.3637 }), [1408, 14, 40, 6144], 16, 256],
  ['ViT-bigG-14', openClip({ width: 1664, head_width: 104, mlp_ratio: 4.9231 }), [1664, 14, 48, 8192], 16, 256],
  ['CLIP ViT-L of Hugging Face', huggingFace(1024, 16, 14, 224, 'clip'), [1024, 14, 24, 4096], 16, 256],
  ['ViT-B-16-SigLIP', timm('vit_base_patch16_siglip_224', 224), [768, 16, 12, 3072], 12, 196],
  ['ViT-SO400M-14-SigLIP-384', timm('vit_so400m_patch14_siglip_384', 384), [1152, 14, 27, 4304], 16, 729],
  ['SigLIP SO400M of Hugging Face', huggingFace(1152, 16, 14, 384, 'siglip'), [1152, 14, 27, 4304], 16, 729],
];

type Sizes = [width: number, patch: number, layers: number, inner: number];

function openClip(vision: Record<string, unknown>, model: Record<string, unknown> = {}) {
  return { embed_dim: 8, ...model, vision_cfg: { image_size: 224, ...vision }, text_cfg: {} };
}

function timm(name: string, image_size: number) {
  return { vision_cfg: { image_size, timm_model_name: name, timm_pool: 'map', timm_proj: 'none' } };
}

function huggingFace(hidden_size: number, heads: number, patch_size: number, image_size: number, model_type: string) {
  return { model_type, vision_config: { hidden_size, num_attention_heads: heads, patch_size, image_size } };
}

test.each(TOWERS)('%s', (_, config, [width, patch, layers, inner], heads, patches) => {
  const source = towerSource(config, { width, patch, layers, inner, patches });
  const model = openTower(source, config);
  expect(model.config).toMatchObject({ width, patch, layers, inner, heads });
  const book = new RecipeBook();
  model.fill(book);
  const tensors = visionTensors(model.config);
  checkRecipes(
    tensors.map(([name, shape]) => ({ name, shape })),
    book.recipes,
  );
  explainUnused(book, source, (name) => model.ignore(name));
  expect(tensors.find(([name]) => name === 'vision.positions')?.[1]).toEqual([
    1,
    patches + Number(model.config.classToken !== false),
    width,
  ]);
});

test('activations: quick GELU by the config, exact or approximate GELU by timm’s name', () => {
  const activation = (config: Record<string, unknown>) => {
    const patches = config === BASE ? 49 : 4;
    return openTower(towerSource(config, { width: 768, patch: 16, layers: 1, inner: 8, patches }), config).config
      .activation;
  };
  const BASE = openClip({ image_size: 112, head_width: 64 }, { quick_gelu: true });
  expect(activation(BASE)).toBe('quick-gelu');
  expect(activation(timm('vit_base_patch16_siglip_224', 32))).toBe('gelu');
  expect(activation(timm('vit_so400m_patch16_siglip_256', 32))).toBe('gelu-tanh');
  expect(activation(timm('vit_large_patch16_siglip_384', 32))).toBe('gelu');
  expect(activation(timm('vit_large_patch16_siglip_512', 32))).toBe('gelu-tanh');
});

function openTower(source: TensorSource, config: Record<string, unknown>): VisionModel {
  const folder = { path: 'clip', source, config, configFile: 'config.json', async [Symbol.asyncDispose]() {} };
  return clipVision(folder, { config: {}, configFile: 'preprocessor_config.json' });
}

/** A tower's tensors as its authors' code names them. */
function towerSource(
  config: Record<string, unknown>,
  {
    width: W,
    patch: P,
    layers,
    inner,
    patches,
  }: { width: number; patch: number; layers: number; inner: number; patches: number },
): ShapesOnly {
  const source = new ShapesOnly('tower');
  const put = source.put.bind(source);
  const module = source.module.bind(source);
  const isTimm = 'timm_model_name' in ((config.vision_cfg as object | undefined) ?? {});
  if (isTimm) {
    put('visual.trunk.pos_embed', 1, patches, W);
    module('visual.trunk.patch_embed.proj', W, 3, P, P);
    for (let i = 0; i < layers; i++) {
      const at = `visual.trunk.blocks.${i}`;
      for (const name of ['norm1', 'norm2']) module(`${at}.${name}`, W);
      module(`${at}.attn.qkv`, 3 * W, W);
      module(`${at}.attn.proj`, W, W);
      module(`${at}.mlp.fc1`, inner, W);
      module(`${at}.mlp.fc2`, W, inner);
    }
    module('visual.trunk.norm', W);
    module('visual.trunk.attn_pool.kv', 2 * W, W);
  } else if ('vision_cfg' in config) {
    put('visual.class_embedding', W);
    put('visual.positional_embedding', patches + 1, W);
    put('visual.conv1.weight', W, 3, P, P);
    for (const name of ['ln_pre', 'ln_post']) module(`visual.${name}`, W);
    for (let i = 0; i < layers; i++) {
      const at = `visual.transformer.resblocks.${i}`;
      for (const name of ['ln_1', 'ln_2']) module(`${at}.${name}`, W);
      put(`${at}.attn.in_proj_weight`, 3 * W, W);
      put(`${at}.attn.in_proj_bias`, 3 * W);
      module(`${at}.attn.out_proj`, W, W);
      module(`${at}.mlp.c_fc`, inner, W);
      module(`${at}.mlp.c_proj`, W, inner);
    }
    put('visual.proj', W, 8);
  } else {
    const isClip = config.model_type === 'clip';
    const at = 'vision_model';
    if (isClip) put(`${at}.embeddings.class_embedding`, W);
    put(`${at}.embeddings.position_embedding.weight`, patches + Number(isClip), W);
    put(`${at}.embeddings.patch_embedding.weight`, W, 3, P, P);
    if (isClip) module(`${at}.pre_layrnorm`, W);
    else put(`${at}.embeddings.patch_embedding.bias`, W);
    module(`${at}.post_layernorm`, W);
    for (let i = 0; i < layers; i++) {
      const block = `${at}.encoder.layers.${i}`;
      for (const name of ['layer_norm1', 'layer_norm2']) module(`${block}.${name}`, W);
      for (const name of ['q', 'k', 'v', 'out']) module(`${block}.self_attn.${name}_proj`, W, W);
      module(`${block}.mlp.fc1`, inner, W);
      module(`${block}.mlp.fc2`, W, inner);
    }
    put(isClip ? 'visual_projection.weight' : `${at}.head.probe`, 1, 1, W);
  }
  put('logit_scale');
  return source;
}
