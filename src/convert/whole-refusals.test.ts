import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { withChangedJson } from '../testing/checkpoints/changed-json';
import { writeJson } from '../testing/checkpoints/files';
import type { WholeCheckpoint } from '../testing/checkpoints/whole';
import { WHOLE_CHECKPOINTS } from '../testing/checkpoints/whole-cases';
import { mkTemporaryFolder } from '../testing/temporary-folder';
import { convert } from './convert';
import { readJson } from './sources';

/** One checkpoint of each family; its config files are changed in each test. */
const FAMILIES = { idefics: 'IDEFICS: norms', mini: 'flamingo-mini over OPT', otter: 'Otter over LLaMA' } as const;
type Family = keyof typeof FAMILIES;

let root: string;
const sources = new Map<string, WholeCheckpoint>();
beforeAll(async () => {
  root = await mkTemporaryFolder();
  for (const [family, start] of Object.entries(FAMILIES)) {
    const [, write] = Object.entries(WHOLE_CHECKPOINTS).find(([name]) => name.startsWith(start))!;
    sources.set(family, await write(join(root, family)));
  }
}, 60_000);
afterAll(() => rm(root, { recursive: true, force: true }));

const dry = (model: string, given = {}) => convert({ model, out: '', dtype: 'q4', dryRun: true, ...given });

/** The plan with a JSON file of the checkpoint changed. */
function planWith(family: Family, change: Record<string, unknown>, file = 'config.json') {
  const { folder } = sources.get(family)!;
  return withChangedJson(join(folder, file), change, () => dry(folder));
}

const refusal = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error) => error,
  );

/** Family, change of config.json, code, and what the message names. */
const REFUSED: [Family, Record<string, unknown>, string, ...string[]][] = [
  ['idefics', { alpha_type: 'matrix' }, 'unsupported', 'alpha_type is "matrix"', '"float" or "vector"'],
  [
    'idefics',
    { alpha_type: 'float' },
    'shape-mismatch',
    'gated.0.attn_gate should be [1]',
    'alpha_cross_attn [1, 1, 40]',
  ],
  ['idefics', { qk_layer_norms: false }, 'bad-file', 'tensors that this converter does not know', 'q_layer_norm'],
  ['idefics', { hidden_act: 'mish' }, 'unsupported', 'hidden_act is "mish"'],
  ['idefics', { vocab_size: 90 }, 'shape-mismatch', 'has 95 rows', 'says 90'],
  ['idefics', { additional_vocab_size: 1 }, 'shape-mismatch', 'has 2 rows', 'says 1'],
  ['idefics', { cross_layer_interval: 1 }, 'bad-file', 'no tensor gated_cross_attn_layers.2'],
  ['idefics', { num_hidden_layers: 3 }, 'bad-file', 'the weights have 4 blocks', 'says 3'],
  ['idefics', { perceiver_config: { resampler_depth: 6 } }, 'bad-file', 'the weights have 2 blocks', 'says 6'],
  ['idefics', { use_resampler: 'no' }, 'bad-file', 'use_resampler is "no"'],
  ['idefics', { model_type: 'idefics3' }, 'unsupported', 'model_type "idefics3"', 'idefics, '],
  ['mini', { xattn_act: 'tanh' }, 'unsupported', 'xattn_act is "tanh"', 'sqrelu'],
  ['mini', { resampler_depth: 3 }, 'shape-mismatch', 'resampler_depth', '3', '2'],
  ['mini', { resampler_num_time_embeds: 4 }, 'shape-mismatch', 'resampler_num_time_embeds', '4', '1'],
  ['mini', { xattn_ff_mult: 4 }, 'shape-mismatch', 'xattn_ff_mult', '176', '88'],
  ['mini', { xattn_every: 2 }, 'shape-mismatch', 'gated layers before blocks 0, 1', 'would be 0'],
  ['mini', { xattn_heads: 5 }, 'shape-mismatch', 'cross_attention projects to 24'],
  ['mini', { lm_config: null, lm: 'facebook/opt-1b' }, 'unsupported', 'lm is "facebook/opt-1b"', 'facebook/opt-125m'],
  ['mini', { lm_config: { model_type: 'bloom' } }, 'unsupported', 'model_type is "bloom"', 'gpt2 or opt'],
  ['otter', { lora_config: { r: 16 } }, 'unsupported', 'lora_config', 'Merge the adapters'],
  ['otter', { max_num_frames: 16 }, 'shape-mismatch', 'has 3 rows', 'says 16'],
  ['otter', { cross_attn_every_n_layers: 4 }, 'shape-mismatch', 'gated layers before blocks 1, 3'],
  ['otter', { text_config: { model_type: 'bloom' } }, 'unsupported', 'model_type "bloom"'],
];

test.each(REFUSED)('%s: %o is %s', async (family, change, code, ...named) => {
  const error = await refusal(planWith(family, change));
  expect(error).toMatchObject({ code });
  for (const part of named) expect(error.message).toContain(part);
});

test.each<[Family, Record<string, unknown>, string]>([
  ['idefics', { image_token_id: 3 }, 'is number 96, flamingo.json says 3'],
  ['idefics', { fake_token: '<fake>' }, 'no added token <fake>'],
  ['otter', { answer_token_id: 3 }, 'is number 97, flamingo.json says 3'],
  ['otter', { max_num_frames: 4 }, 'max_num_frames is 3, flamingo.json says 4'],
])('%s: a flamingo.json that says %o is wrong', async (family, settings, message) => {
  const error = await refusal(planWith(family, settings, 'flamingo.json'));
  expect(error).toMatchObject({ code: 'bad-file' });
  expect(error.message).toContain(message);
});

test('a shard that is missing is named', async () => {
  const { folder } = sources.get('idefics')!;
  const index = join(folder, 'pytorch_model.bin.index.json');
  const before = await readJson(index);
  const weight_map = Object.fromEntries(
    Object.entries(before.weight_map as Record<string, string>).map(([name, file]) => [
      name,
      file.replace('-00002-', '-00009-'),
    ]),
  );
  await writeJson(index, { ...before, weight_map });
  const error = await refusal(dry(folder));
  await writeJson(index, before);
  expect(error.message).toContain('pytorch_model-00009-of-00003.bin');
});

test('parts do not go with a whole model', async () => {
  const { folder } = sources.get('otter')!;
  for (const given of [{ language: folder }, { flamingo: folder }, { visionTokens: 'after-post-norm' }]) {
    expect(await refusal(dry(folder, given))).toMatchObject({ code: 'invalid-option' });
  }
  for (const family of ['mini', 'otter', 'idefics'])
    expect(await refusal(dry(sources.get(family)!.folder, { vision: folder }))).toMatchObject({
      code: 'invalid-option',
    });
});

test('what no model needs is left out by name, and nothing else', async () => {
  const left = async (family: Family) => (await dry(sources.get(family)!.folder)).unused.map(({ name }) => name);
  const norm = ['vision_model.post_layernorm.weight', 'vision_model.post_layernorm.bias'];
  expect((await left('mini')).toSorted()).toEqual(norm.toSorted());
  expect((await left('otter')).toSorted()).toEqual(norm.toSorted());
  const constants = [0, 1].map((k) => `gated_cross_attn_layers.${k}.cross_attn.rotary_emb.inv_freq`);
  expect((await left('idefics')).toSorted()).toEqual([...norm, ...constants].toSorted());
});

test('what config.json turns off is left out, and said', async () => {
  const { config, unused } = await planWith('idefics', { use_resampler: false });
  expect(config.resampler).toEqual({ kind: 'none', latents: 10, maxFrames: null });
  const left = unused.filter(({ name }) => name.startsWith('perceiver_resampler.'));
  expect(new Set(left.map(({ reason }) => reason))).toEqual(new Set(['config.json leaves the resampler out']));
});
