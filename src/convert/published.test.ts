import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { LLAMA_7B, languageTensors, PUBLISHED, savedTensors } from '../testing/checkpoints/published';
import { ShapesOnly } from '../testing/checkpoints/shapes-only';
import { GOLDENS } from '../testing/parity';
import { planConversion } from './plan';
import { openModel } from './sources';
import type { VisionSource } from './vision-source';

/** ViT-L-14: 256 tokens of 1024. */
const vision: VisionSource = {
  label: 'ViT-L-14',
  image: {
    ...{ mode: 'shorter-side', size: 224, crop: 224, cropRounding: 'round', resample: 'bicubic' },
    ...{ mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
  } as VisionSource['image'],
  vision: { width: 1024, patches: 256, imageSize: 224 },
  unused: [],
  write: () => Promise.reject(new Error('nothing is written')),
  async [Symbol.asyncDispose]() {},
};

test.each(Object.entries(PUBLISHED))('%s: every tensor has its place, every size its reason', async (_, spec) => {
  const source = languageTensors(spec);
  const language = {
    ...{ path: 'lm', source, config: spec.config, configFile: 'config.json' },
    async [Symbol.asyncDispose]() {},
  };
  const delta = savedTensors(spec);
  const plan = await planConversion(
    { vision, language, delta, tokens: spec.tokens },
    { cross_attn_every_n_layers: spec.every },
  );
  const before = Array.from({ length: spec.layers / spec.every }, (_, k) => (k + 1) * spec.every - 1);
  expect(plan.config).toMatchObject({
    ...{ vocab: spec.tokens, width: spec.width, contextLength: 2048 },
    decoder: { layers: spec.layers, ...spec.expected },
    gated: { before, heads: 8, headDim: 64, feedForward: { inner: 4 * spec.width } },
    resampler: { layers: 6, latents: 64, heads: 8, headDim: 64, maxFrames: null },
  });
  expect(plan.notes).toEqual(spec === LLAMA_7B ? [expect.stringContaining('3 added tokens')] : []);
});

/** upstream_save_keys.json: what upstream's save_checkpoint writes for five of the golden models, beside whose files it was made. */
test.each(['of-neox', 'of-opt', 'of-mpt1b', 'of-mpt7b', 'of-llama'])(
  '%s as upstream’s save_checkpoint writes it',
  async (family) => {
    const keys = JSON.parse(await readFile(`${GOLDENS}upstream_save_keys.json`, 'utf8'))[family];
    const delta = new ShapesOnly('checkpoint_0.pt');
    for (const [name, [shape]] of Object.entries<[number[], string]>(keys))
      delta.put(`model_state_dict/${name}`, ...shape);
    delta.put('optimizer_state_dict/state/0/exp_avg', 4);
    const [, width] = keys['module.perceiver.latents'][0];
    const { every, tokens, blocks } = await golden(family);
    await using language = await openModel('--language', `${GOLDENS}${family}/lm`);
    const plan = await planConversion(
      { vision: { ...vision, vision: { ...vision.vision, width } }, language, delta, tokens },
      { cross_attn_every_n_layers: every },
    );
    expect(plan.config.vocab).toBe(tokens);
    expect(plan.config.gated.before.every((block) => (block + 1) % every === 0)).toBe(true);
    expect(plan.config.decoder.layers).toBe(blocks);
  },
);

async function golden(family: string): Promise<{ every: number; tokens: number; blocks: number }> {
  const read = async (path: string) => JSON.parse(await readFile(`${GOLDENS}${family}/${path}`, 'utf8'));
  const [flamingo, tokenizer, lm] = [
    await read('flamingo.json'),
    await read('tokenizer.json'),
    await read('lm/config.json'),
  ];
  const ids = tokenizer.added_tokens.map(({ id }: { id: number }) => id + 1);
  return {
    every: flamingo.cross_attn_every_n_layers,
    tokens: Math.max(...ids, Object.keys(tokenizer.model.vocab).length),
    blocks: lm.num_hidden_layers ?? lm.n_layers,
  };
}
