import type { Activation } from '../format/config';
import type { VisionModel } from './clip';
import { openClipProcessor, sideOf } from './clip-open-clip';
import { towerShape } from './clip-shape';
import { type Described, field, headWidth, section, unsupported } from './families/fields';
import { stack } from './families/language';
import type { RecipeBook } from './recipe';
import type { ModelFolder } from './sources';

const AT = 'visual.trunk';
const NAMES = {
  kernel: `${AT}.patch_embed.proj.weight`,
  positions: `${AT}.pos_embed`,
  up: `${AT}.blocks.0.mlp.fc1.weight`,
  blocks: /^visual\.trunk\.blocks\.(\d+)\./,
  prefix: 0,
};

/** timm's SigLIP towers: what is not in the weights stands in their names. */
const MODEL = /^vit_(base|large|so400m|giantopt)_patch\d+_siglip(?:_gap)?_\d+$/;
/** Those whose GELU timm approximates; it computes the others' exactly. */
const APPROXIMATE = /^vit_(base_patch32|large_patch16_siglip(_gap)?_512|so400m_patch16|giantopt)/;
const HEADS: Record<string, number> = { base: 12, large: 16, so400m: 16, giantopt: 16 };

/** timm's default eps of vision transformers. */
const EPS = 1e-6;

/**
 * SigLIP as open_clip holds it, a timm model as trunk. Its features are what timm's forward_features gives: the patches after the final norm. Upstream's
 * OpenFlamingo cannot read such a tower, because it gives no tokens; this is what it would read. Source: timm/models/vision_transformer.py;
 * open_clip/src/open_clip/timm_model.py.
 */
export function openClipSiglip(folder: ModelFolder, postNorm: boolean): VisionModel {
  const { source } = folder;
  const model = field(folder, 'model_cfg') === undefined ? folder : section(folder, 'model_cfg');
  const vision = section(model, 'vision_cfg');
  const { heads, activation } = namedTower(vision);
  const shape = towerShape(source, NAMES, sideOf(vision, 'image_size'));
  headWidth(vision, shape.width, heads);
  return {
    source,
    config: {
      ...shape,
      heads,
      activation,
      eps: EPS,
      patchBias: true,
      classToken: false,
      preNorm: false,
      postNorm,
    },
    image: openClipProcessor(section(folder, 'preprocess_cfg'), shape.imageSize),
    fill: (book) => fill(book, folder, shape.layers, postNorm),
    ignore(name) {
      if (/^visual\.(head|trunk\.(norm|fc_norm|attn_pool|head))\./.test(name))
        return 'comes after the features that Flamingo takes';
      return name.startsWith('visual.') ? undefined : 'belongs to the text tower';
    },
  };
}

/** What timm's name says. Throws `unsupported` for towers that are no SigLIP. */
function namedTower(vision: Described): { heads: number; activation: Activation } {
  const name = String(field(vision, 'timm_model_name'));
  const size = MODEL.exec(name)?.[1];
  if (size === undefined) {
    throw unsupported(
      vision,
      'timm_model_name',
      name,
      'timm’s SigLIP towers (vit_so400m_patch14_siglip_384 and the like)',
      'Upstream reads no timm tower, EVA included; export such a one as ONNX.',
    );
  }
  return { heads: HEADS[size], activation: APPROXIMATE.test(name) ? 'gelu-tanh' : 'gelu' };
}

function fill(book: RecipeBook, { source }: ModelFolder, layers: number, postNorm: boolean): void {
  const module = (target: string, name: string) => stack(book, source, `vision.${target}`, [`${AT}.${name}`], true);
  module('patch', 'patch_embed.proj');
  book.set('vision.positions', book.whole(source, NAMES.positions));
  if (postNorm) module('norm_post', 'norm');
  for (let i = 0; i < layers; i++) {
    const at = `blocks.${i}`;
    module(`${at}.norm1`, `${at}.norm1`);
    module(`${at}.qkv`, `${at}.attn.qkv`);
    module(`${at}.out`, `${at}.attn.proj`);
    module(`${at}.norm2`, `${at}.norm2`);
    module(`${at}.up`, `${at}.mlp.fc1`);
    module(`${at}.down`, `${at}.mlp.fc2`);
  }
}
