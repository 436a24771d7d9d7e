import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FlamingoConfig } from '../format/config';
import { perceiverOf } from '../format/config';
import { CHECKPOINTS } from '../testing/checkpoints/cases';
import { writeJson } from '../testing/checkpoints/files';
import { type FlamingoCheckpoint, type FlamingoSpec, writeFlamingo } from '../testing/checkpoints/flamingo';
import { mkTemporaryFolder } from '../testing/temporary-folder';
import { convert } from './convert';
import { readJson } from './sources';

/** One checkpoint of each family; its config files are changed in each test. */
const SPECS: Record<string, FlamingoSpec> = Object.fromEntries(
  ['GPT-NeoX, partial', 'MPT-1B', 'MPT-7B', 'OPT, f16', 'LLaMA, one key', 'GPT-J', 'Falcon'].map((start) => {
    const found = Object.entries(CHECKPOINTS).find(([name]) => name.startsWith(start))!;
    return [start, found[1]];
  }),
);

let root: string;
const sources = new Map<string, FlamingoCheckpoint>();
beforeAll(async () => {
  root = await mkTemporaryFolder();
  for (const [name, spec] of Object.entries(SPECS)) sources.set(name, await writeFlamingo(join(root, name), spec));
}, 60_000);
afterAll(() => rm(root, { recursive: true, force: true }));

/** The plan with a JSON file of the checkpoint changed, and then the file as it was. */
async function planWith(family: string, file: string, change: Record<string, unknown>) {
  const { folder } = sources.get(family)!;
  const path = join(folder, file);
  const before = await readJson(path).catch(() => undefined);
  await writeJson(path, { ...before, ...change });
  try {
    return await convert({ model: folder, out: '', dtype: 'q4', dryRun: true });
  } finally {
    if (before) await writeJson(path, before);
    else await rm(path);
  }
}

const LM = 'lm/config.json';
const OPEN = 'clip/open_clip_config.json';
const openCfg = (vision: Record<string, unknown>, model = {}) => ({
  model_cfg: { ...model, vision_cfg: { image_size: 24, width: 20, head_width: 10, patch_size: 8, ...vision } },
});

/** Family, file, change; the field and the value that the error names. */
const REFUSED: [family: string, file: string, change: Record<string, unknown>, ...named: string[]][] = [
  [
    'GPT-NeoX, partial',
    LM,
    { rope_scaling: { type: 'yarn', factor: 2 } },
    'rope_scaling',
    'rope_type is "yarn"',
    'llama3',
  ],
  ['GPT-NeoX, partial', LM, { rope_scaling: { type: 'linear' } }, 'rope_scaling', 'factor is missing'],
  ['GPT-NeoX, partial', LM, { rotary_pct: 0.25 }, 'rotary_pct is 0.25', 'head of 12'],
  ['GPT-NeoX, partial', LM, { hidden_act: 'mish' }, 'hidden_act is "mish"', 'gelu_new'],
  ['GPT-NeoX, partial', LM, { num_attention_heads: 7 }, '60', '7 heads'],
  ['GPT-NeoX, partial', LM, { num_hidden_layers: 4 }, 'have 5 blocks', '4'],
  ['GPT-NeoX, partial', LM, { hidden_size: 80 }, '[60]', '80'],
  ['GPT-NeoX, partial', LM, { intermediate_size: 99 }, 'blocks.0.ff.up.weight should be [99, 60]', '[100, 60]'],
  ['GPT-NeoX, partial', LM, { layer_norm_eps: 'small' }, 'layer_norm_eps is "small"'],
  ['GPT-NeoX, partial', LM, { use_parallel_residual: 'yes' }, 'use_parallel_residual is "yes"'],
  ['GPT-NeoX, partial', LM, { model_type: 'bloom' }, 'model_type "bloom"', 'gpt_neox, mosaic_gpt'],
  ['GPT-NeoX, partial', LM, { model_type: 'toString' }, 'model_type "toString"'],
  ['GPT-NeoX, partial', LM, { max_position_embeddings: 0 }, 'contextLength'],
  ['MPT-1B', LM, { alibi: false }, 'alibi is false', 'learned positions'],
  ['MPT-1B', LM, { alibi_bias_max: 'eight' }, 'alibi_bias_max is "eight"'],
  ['MPT-1B', LM, { softmax_scale: -1 }, 'softmax_scale is -1'],
  [
    'MPT-7B',
    LM,
    { attn_config: { alibi: true, attn_type: 'multiquery_attention' } },
    'attn_config: attn_type is "multiquery_attention"',
  ],
  ['MPT-7B', LM, { attn_config: { alibi: false } }, 'alibi is false'],
  ['MPT-7B', LM, { attn_config: { alibi: true, rope: true } }, 'attn_config: rope is true'],
  ['MPT-7B', LM, { attn_config: { alibi: true, prefix_lm: true } }, 'prefix_lm is true'],
  ['MPT-7B', LM, { attn_config: { alibi: true, qk_ln: true } }, 'transformer.blocks.0.attn.q_ln.weight'],
  ['MPT-7B', LM, { attn_config: 'torch' }, 'attn_config is "torch"'],
  ['MPT-7B', LM, { norm_type: 'batchnorm' }, 'norm_type is "batchnorm"'],
  ['MPT-7B', LM, { norm_type: 'rmsnorm' }, 'a root-mean-square norm has no bias'],
  ['MPT-7B', LM, { logit_scale: 'inv_sqrt_d_model' }, 'logit_scale is "inv_sqrt_d_model"'],
  ['MPT-7B', LM, { ffn_config: { ffn_type: 'mptglu' } }, 'ffn_type is "mptglu"'],
  ['OPT, f16', LM, { do_layer_norm_before: 'yes' }, 'do_layer_norm_before is "yes"'],
  ['OPT, f16', LM, { word_embed_proj_dim: 512 }, 'model.decoder.project_in.weight'],
  ['OPT, f16', LM, { layer_norm_elementwise_affine: 0 }, 'layer_norm_elementwise_affine is 0'],
  ['OPT, f16', LM, { activation_function: 7 }, 'activation_function is 7'],
  ['GPT-J', LM, { rotary_dim: 7 }, 'rotary_dim is 7', '14 of a head'],
  ['GPT-J', LM, { rotary_dim: 16 }, 'rotary_dim is 16', '14 of a head'],
  ['GPT-J', LM, { rotary_dim: null }, 'rotary_dim is null', '14 of a head'],
  ['GPT-J', LM, { n_inner: null }, 'blocks.0.ff.up.weight should be [168, 42]', '[50, 42]'],
  ['GPT-J', LM, { activation_function: 'mish' }, 'activation_function is "mish"'],
  ['Falcon', LM, { n_head_kv: 4 }, 'num_kv_heads is 4', '6 heads'],
  ['Falcon', LM, { multi_query: false, new_decoder_architecture: false }, 'num_kv_heads is 2', '6, one for each'],
  ['Falcon', LM, { multi_query: 'yes', new_decoder_architecture: false }, 'multi_query is "yes"'],
  ['Falcon', LM, { num_ln_in_parallel_attn: 3 }, 'num_ln_in_parallel_attn is 3'],
  ['Falcon', LM, { num_ln_in_parallel_attn: 1 }, 'transformer.h.0.input_layernorm.weight'],
  [
    'Falcon',
    LM,
    { apply_residual_connection_post_layernorm: true },
    'apply_residual_connection_post_layernorm is true',
  ],
  ['Falcon', LM, { rope_scaling: { type: 'linear', factor: 2 } }, 'rope_scaling is', 'alibi'],
  ['Falcon', LM, { bias: false }, 'does not know', 'self_attention.dense.bias'],
  ['LLaMA, one key', LM, { num_key_value_heads: 2 }, 'num_key_value_heads is 2', '3 heads'],
  ['LLaMA, one key', LM, { head_dim: 12 }, 'blocks.0.attn.qkv.weight should be [60, 48]', 'q_proj.weight [48, 48]'],
  ['LLaMA, one key', LM, { rope_scaling: { rope_type: 'longrope' } }, 'rope_type is "longrope"'],
  [
    'LLaMA, one key',
    LM,
    { rope_scaling: { rope_type: 'llama3', factor: 8 } },
    'rope_scaling: low_freq_factor is missing',
  ],
  ['LLaMA, one key', LM, { rope_scaling: 'linear' }, 'rope_scaling is "linear"'],
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
  ['GPT-NeoX, partial', 'flamingo.json', { max_num_frames: 4 }, '3 rows of perceiver.frame_embs', '4'],
  ['GPT-NeoX, partial', 'flamingo.json', { cross_attn_every_n_layers: 1 }, 'before blocks 1, 3', '0, 1, 2, 3, 4'],
  ['GPT-NeoX, partial', 'flamingo.json', { perceiver: { heads: 4 } }, 'perceiver projects to 30', '4 heads of 7.5'],
  ['GPT-NeoX, partial', 'flamingo.json', { cross_attention: {} }, 'cross_attention projects to 28', 'dim_head'],
  ['GPT-NeoX, partial', 'flamingo.json', { only_attend_immediate_media: 'no' }, 'only_attend_immediate_media'],
  ['GPT-NeoX, partial', 'flamingo.json', { family: 'otter' }, 'family', 'openflamingo'],
  ['GPT-NeoX, partial', 'flamingo.json', { image_token_id: 5 }, '<image> is number 98', '5'],
  ['GPT-NeoX, partial', 'flamingo.json', { image_token: '<picture>' }, '<picture>', '--tokenizer'],
  ['GPT-NeoX, partial', 'flamingo.json', { decoder_layers: 'model.layers' }, 'decoder_layers', 'gpt_neox.layers'],
];

describe('what this version does not do is refused, naming file, field and value', () => {
  test.each(REFUSED)('%s, %s: %o', async (family, file, change, ...named) => {
    const error = await planWith(family, file, change).then(
      () => undefined,
      (reason) => reason,
    );
    expect(error?.message).toContain(join(root, family));
    for (const part of named) expect(`${error.message} ${error.hint}`).toContain(part);
    expect(error.hint).not.toBe('');
    expect(error.code).toMatch(/^(unsupported|bad-file|shape-mismatch|not-found)$/);
  });
});

/** Family, file, change, and a part of the config that it must lead to. */
const READ: [
  family: string,
  file: string,
  change: Record<string, unknown>,
  get: (config: FlamingoConfig) => unknown,
  expected: unknown,
][] = [
  [
    'GPT-NeoX, partial',
    LM,
    { rope_scaling: { type: 'dynamic', factor: 2 } },
    ({ decoder }) => 'factors' in decoder.position,
    false,
  ],
  [
    'GPT-NeoX, partial',
    LM,
    { rope_scaling: { type: 'linear', factor: 4 } },
    ({ decoder: { position } }) => position.kind === 'rotary' && position.factors,
    [0.25, 0.25, 0.25],
  ],
  [
    'GPT-NeoX, partial',
    LM,
    { layer_norm_eps: undefined, max_position_embeddings: undefined },
    ({ decoder, contextLength }) => [decoder.norm.eps, contextLength],
    [1e-5, 2048],
  ],
  [
    'MPT-1B',
    LM,
    { alibi_bias_max: undefined, softmax_scale: null, attn_clip_qkv: null },
    ({ decoder }) => [decoder.scale, decoder.clipQkv],
    [7 ** -0.5, null],
  ],
  ['MPT-7B', LM, { attn_config: null }, ({ decoder }) => [decoder.clipQkv, decoder.position.kind], [null, 'alibi']],
  [
    'MPT-7B',
    LM,
    { norm_type: 'low_precision_layernorm', learned_pos_emb: true, layer_norm_epsilon: 1e-3 },
    ({ decoder }) => decoder.norm,
    { kind: 'layer', eps: 1e-3, bias: true },
  ],
  [
    'OPT, f16',
    LM,
    { _remove_final_layer_norm: true, word_embed_proj_dim: null },
    ({ decoder, embeddingWidth }) => [decoder.finalNorm, decoder.normPlacement, embeddingWidth],
    [false, undefined, undefined],
  ],
  [
    'OPT, f16',
    LM,
    { do_layer_norm_before: false },
    ({ decoder }) => [decoder.finalNorm, decoder.normPlacement],
    [false, 'after'],
  ],
  ['OPT, f16', LM, { layer_norm_elementwise_affine: false }, ({ decoder }) => decoder.norm.bias, false],
  [
    'LLaMA, one key',
    LM,
    { head_dim: null, rms_norm_eps: null, rope_theta: null },
    ({ decoder }) => [decoder.headDim, decoder.norm.eps],
    [16, 1e-6],
  ],
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
  [
    'LLaMA, one key',
    'flamingo.json',
    { max_num_frames: null, perceiver: { heads: 3 } },
    (config) => perceiverOf(config).headDim,
    10,
  ],
];

test.each(READ)('%s, %s: %o', async (family, file, change, get, expected) => {
  const { config } = await planWith(family, file, change);
  expect(get(config)).toEqual(expected);
});

test('a field of flamingo.json that is not known is named in the notes', async () => {
  const { notes } = await planWith('MPT-1B', 'flamingo.json', { cross_attention_every: 3 });
  expect(notes).toContainEqual(expect.stringMatching(/flamingo\.json: cross_attention_every is not known/));
});
