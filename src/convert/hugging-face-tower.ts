import { type TowerShape, towerShape } from './clip-shape';
import { activationOf, type Described, field, headWidth, numberField, section } from './families/fields';
import { mover } from './families/language';
import type { VisionConfig } from './graphs/vision';
import type { RecipeBook } from './recipe';
import type { ModelFolder } from './sources';

/** Where CLIP's and SigLIP's towers stand in their checkpoints; modeling_siglip.py copies modeling_clip.py. */
export const AT = 'vision_model';
export const NAMES = {
  kernel: `${AT}.embeddings.patch_embedding.weight`,
  positions: `${AT}.embeddings.position_embedding.weight`,
  up: `${AT}.encoder.layers.0.mlp.fc1.weight`,
  blocks: /^vision_model\.encoder\.layers\.(\d+)\./,
};

/** Sizes of a tower, from its weights and its config, or the `vision_config` of a whole model's; `otherwise` are the defaults of its config class. */
export function huggingFaceSizes(
  folder: ModelFolder,
  prefix: number,
  otherwise: { activation: string; eps: number },
): TowerShape & Pick<VisionConfig, 'heads' | 'activation' | 'eps'> {
  const vision: Described = field(folder, 'vision_config') === undefined ? folder : section(folder, 'vision_config');
  const shape = towerShape(folder.source, { ...NAMES, prefix }, numberField(vision, 'image_size', 224));
  const heads = numberField(vision, 'num_attention_heads', 12);
  headWidth(vision, shape.width, heads);
  const activation = activationOf(vision, 'hidden_act', otherwise.activation);
  return { ...shape, heads, activation, eps: numberField(vision, 'layer_norm_eps', otherwise.eps) };
}

/** Positions, blocks and, where it is wanted, the norm behind them. */
export function fillHuggingFaceTower(
  book: RecipeBook,
  { source }: ModelFolder,
  layers: number,
  postNorm: boolean,
): void {
  const tower = mover(book, source, AT, 'vision');
  book.set('vision.positions', book.whole(source, NAMES.positions));
  if (postNorm) tower('norm_post', true, 'post_layernorm');
  for (let i = 0; i < layers; i++) {
    const put = mover(book, source, `${AT}.encoder.layers.${i}`, `vision.blocks.${i}`);
    put('norm1', true, 'layer_norm1');
    put('qkv', true, 'self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj');
    put('out', true, 'self_attn.out_proj');
    put('norm2', true, 'layer_norm2');
    put('up', true, 'mlp.fc1');
    put('down', true, 'mlp.fc2');
  }
}

/** Why a tensor of such a checkpoint is left out; `behind` are those behind the features. */
export function leftOut(name: string, behind: RegExp): string | undefined {
  if (behind.test(name)) return 'comes after the features that Flamingo takes';
  if (name.endsWith('position_ids')) return 'a constant that is computed here';
  return name.startsWith(`${AT}.`) ? undefined : 'belongs to the text tower';
}
