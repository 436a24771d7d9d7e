import { cp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeSafetensors } from '../../format/safetensors-writer';
import { writeJson } from '../../testing/checkpoints/files';
import { GOLDENS } from '../../testing/parity';
import { mkTemporaryFolder } from '../../testing/temporary-folder';
import { openSourceModel } from '../source-model';
import { openWeights, readJson } from '../sources';

let folder: string;
beforeAll(async () => {
  folder = join(await mkTemporaryFolder(), 'model');
  await cp(`${GOLDENS}mllama`, folder, { recursive: true });
});
afterAll(() => rm(join(folder, '..'), { recursive: true, force: true }));

type Json = Record<string, unknown>;

/** The opened model with a part of a JSON file changed, and then the file as it was. */
async function openWith(file: string, part: string | null, change: Json) {
  const path = join(folder, file);
  const before = await readJson(path);
  await writeJson(
    path,
    part ? { ...before, [part]: { ...(before[part] as Json), ...change } } : { ...before, ...change },
  );
  try {
    await using model = await openSourceModel({ model: folder });
    return { ...model.plan, image: model.vision.image, prompt: model.prompt };
  } finally {
    await writeJson(path, before);
  }
}

const [CONFIG, IMAGES] = ['config.json', 'preprocessor_config.json'];

describe('refuses by name', () => {
  test.each<[string, string | null, Json, ...string[]]>([
    [CONFIG, 'text_config', { tie_word_embeddings: true }, 'tie_word_embeddings'],
    [CONFIG, 'text_config', { num_key_value_heads: 3 }, 'num_key_value_heads is 3', '4 heads'],
    [CONFIG, 'text_config', { cross_attention_layers: 'all' }, 'cross_attention_layers'],
    [CONFIG, 'text_config', { cross_attention_layers: [0, 3] }, 'model.layers.1.self_attn'],
    [CONFIG, 'text_config', { num_hidden_layers: 6 }, '5 blocks', '6'],
    [CONFIG, 'text_config', { head_dim: 8 }, 'head_dim is 8', '16'],
    [CONFIG, 'text_config', { vocab_size: 470 }, 'head.weight should be [470, 64]', '[460, 64]'],
    [CONFIG, 'text_config', { hidden_act: 'tanh' }, 'hidden_act'],
    [CONFIG, 'text_config', { rope_scaling: { rope_type: 'yarn', factor: 2 } }, 'yarn'],
    [CONFIG, null, { image_token_index: 459 }, 'image_token_index is 459', '460'],
    [CONFIG, 'vision_config', { num_channels: 1 }, 'num_channels is 1'],
    [CONFIG, 'vision_config', { vision_output_dim: 64 }, 'vision_output_dim is 64', '96'],
    [CONFIG, 'vision_config', { intermediate_layers_indices: [0, 4] }, 'intermediate_layers_indices', '0 to 3'],
    [CONFIG, 'vision_config', { supported_aspect_ratios: [[1, 1]] }, 'supported_aspect_ratios', '8 grids'],
    [CONFIG, 'vision_config', { attention_heads: 5 }, '32', '5 heads'],
    [CONFIG, 'vision_config', { max_num_tiles: 2 }, 'vision.tiles_before', '[9, 64]', '[9, 128]'],
    [IMAGES, null, { max_image_tiles: 2 }, 'max_image_tiles is 2', '4'],
    [CONFIG, 'vision_config', { image_size: 64 }, 'vision.positions'],
    [IMAGES, null, { do_pad: false }, 'do_pad'],
    [IMAGES, null, { do_resize: false }, 'do_resize'],
    [IMAGES, null, { resample: 1 }, 'resample is 1', 'bilinear'],
    [IMAGES, null, { size: { height: 32, width: 64 } }, 'size', '32'],
    [IMAGES, null, { image_mean: [0.5] }, 'image_mean', 'three numbers'],
  ])('%s %s %j', async (file, part, change, ...named) => {
    const error = await openWith(file, part, change).catch((cause) => cause);
    expect(error).toMatchObject({ code: expect.stringMatching(/^(unsupported|bad-file|shape-mismatch)$/) });
    for (const name of named) expect(error.message).toContain(name);
  });

  test('a folder without preprocessor_config.json', async () => {
    const path = join(folder, IMAGES);
    const before = await readJson(path);
    await rm(path);
    await expect(openSourceModel({ model: folder })).rejects.toMatchObject({ code: 'not-found' });
    await writeJson(path, before);
  });
});

describe('reads', () => {
  test('how values become pixels', async () => {
    const plain = await openWith(IMAGES, null, { do_normalize: false, resample: 3 });
    expect(plain.image).toMatchObject({
      mean: [0, 0, 0],
      std: [1, 1, 1],
      resample: 'bicubic',
      mode: 'tiles',
      tiles: 4,
    });
    const raw = await openWith(IMAGES, null, {
      do_rescale: false,
      image_mean: [127.5, 0, 255],
      image_std: [255, 51, 1],
    });
    expect(raw.image).toMatchObject({ mean: [0.5, 0, 1], std: [1, 0.2, 1 / 255] });
  });

  test('where cross-attention stands, and the numbers of both parts', async () => {
    const { config, unused } = await openWith(CONFIG, 'text_config', {
      rms_norm_eps: 1e-3,
      cross_attention_layers: [3, 1, 9],
    });
    expect(unused).toEqual([]);
    expect(config).toMatchObject({
      vocab: 460,
      embeddings: 468,
      vision: { width: 96, patches: 17, tiles: 4 },
      resampler: { kind: 'projection', latents: 68 },
      gated: { before: [1, 3], kvHeads: 2, placement: 'replace', qkNorm: { eps: 1e-3 } },
      decoder: { layers: 5, norm: { eps: 1e-3 } },
    });
  });

  test('what ends an answer: one token or several, of a chat or of plain text', async () => {
    const chat = await openWith(CONFIG, 'text_config', { eos_token_id: [454, 458, 459] });
    expect(chat.prompt).toMatchObject({ endOfChunkId: 459, stopIds: [454, 458], begin: { id: 453 } });
    expect(chat.prompt.question).toContain('<|start_header_id|>assistant');
    const base = await openWith(CONFIG, 'text_config', { eos_token_id: 454 });
    expect(base.prompt).toMatchObject({ stopIds: [454], question: 'Question: {text} Answer:' });
  });

  test('checkpoints saved by later versions, whose tensors have other names', async () => {
    await using source = await openWeights(join(folder, 'model.safetensors.index.json'));
    const later = (name: string) =>
      name
        .replace(/^language_model\.model\./, 'model.language_model.')
        .replace(/^language_model\.lm_head/, 'lm_head')
        .replace(/^(vision_model|multi_modal_projector)\./, 'model.$1.');
    const tensors = [];
    for (const { name, shape } of source.tensors.values())
      tensors.push({ name: later(name), shape: [...shape], values: await source.read(name) });
    const other = join(folder, '..', 'later');
    await cp(folder, other, { recursive: true, filter: (path) => !path.includes('safetensors') });
    await writeFile(join(other, 'model.safetensors'), writeSafetensors(tensors));
    await using model = await openSourceModel({ model: other });
    await using before = await openSourceModel({ model: folder });
    expect(model.plan.unused).toEqual([]);
    expect(model.plan.config).toEqual(before.plan.config);
    expect([...model.plan.recipes.keys()]).toEqual([...before.plan.recipes.keys()]);
  });
});
