import { describeChangedConfigs, type Read, type Refused } from '../testing/changed-configs';

const OPEN = 'clip/open_clip_config.json';
const openCfg = (vision: Record<string, unknown>, model = {}) => ({
  model_cfg: { ...model, vision_cfg: { image_size: 24, width: 20, head_width: 10, patch_size: 8, ...vision } },
});

const REFUSED: Refused[] = [
  ['LLaMA, one key', OPEN, openCfg({ image_size: 32 }), 'positional_embedding has 10 rows', '17'],
  ['LLaMA, one key', OPEN, openCfg({ image_size: [24, 32] }), 'image_size is [24,32]', 'squares'],
  ['LLaMA, one key', OPEN, openCfg({ head_width: 7 }), 'head_width is 7', '20'],
  ['LLaMA, one key', OPEN, openCfg({ pool_type: 'none' }), 'pool_type is "none"'],
  ['LLaMA, one key', OPEN, openCfg({ attentional_pool: true }), 'attentional_pool is true'],
  ['LLaMA, one key', OPEN, openCfg({ global_average_pool: true }), 'global_average_pool is true'],
  ['LLaMA, one key', OPEN, openCfg({ input_patchnorm: true }), 'input_patchnorm is true'],
  ['LLaMA, one key', OPEN, openCfg({ ls_init_value: 1e-4 }), 'ls_init_value is 0.0001'],
  ['LLaMA, one key', OPEN, openCfg({ pos_embed_type: 'rope' }), 'pos_embed_type is "rope"'],
  ['GPT-J', OPEN, openCfg({ timm_model_name: 'eva02_large_patch14_clip_224' }), 'eva02_large', 'EVA', 'ONNX'],
  [
    'GPT-J',
    OPEN,
    openCfg({ timm_model_name: 'vit_large_patch16_siglip_256', image_size: 19 }),
    'width of 24',
    '16 heads',
  ],
  ['LLaMA, one key', OPEN, openCfg({ act_kwargs: { approximate: 'fast' } }), 'approximate is "fast"'],
  ['LLaMA, one key', OPEN, { preprocess_cfg: { interpolation: 'bilinear' } }, 'interpolation is "bilinear"'],
  ['LLaMA, one key', OPEN, { preprocess_cfg: { resize_mode: 'longest' } }, 'resize_mode is "longest"'],
  ['LLaMA, one key', OPEN, { preprocess_cfg: { size: 336 } }, 'size is 336', '24'],
  ['LLaMA, one key', OPEN, { preprocess_cfg: { mean: [0.5] } }, 'mean is [0.5]', 'three numbers'],
  ['LLaMA, one key', OPEN, { model_cfg: undefined }, 'open_clip_config.json', 'activation'],
  ['MPT-7B', 'clip/preprocessor_config.json', { do_center_crop: false }, 'do_center_crop is false'],
  ['MPT-7B', 'clip/preprocessor_config.json', { resample: 2 }, 'resample is 2', 'bicubic'],
  ['MPT-7B', 'clip/preprocessor_config.json', { crop_size: { height: 20, width: 20 } }, 'crop_size is 20', '24'],
  ['MPT-7B', 'clip/preprocessor_config.json', { rescale_factor: 1 }, 'rescale_factor is 1'],
];

const READ: Read[] = [
  [
    'LLaMA, one key',
    OPEN,
    openCfg({ image_size: [24, 24] }),
    ({ vision }) => vision,
    { width: 20, patches: 9, imageSize: 24 },
  ],
  [
    'LLaMA, one key',
    OPEN,
    openCfg({ image_size: undefined }),
    ({ vision }) => vision,
    { width: 20, patches: 9, imageSize: 24 },
  ],
];

describeChangedConfigs(REFUSED, READ);
