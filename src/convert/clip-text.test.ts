import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Manifest } from '../format/manifest';
import { encodeClipText } from '../reference/model/clip-text';
import { linear } from '../reference/model/math';
import { encodePixels } from '../reference/model/vision';
import { rankBySimilarity } from '../retrieval/zero-shot';
import { loadFolder } from '../session/load-node';
import { CLIP_TOKENIZER, END_ID, START_ID, TEXT_TOWER, writeTwoTowers } from '../testing/checkpoints/two-towers';
import { inTemporaryFolder } from '../testing/temporary-folder';
import { TextTokenizer } from '../text/tokenizer';
import { convert } from './convert';

const TEXTS = [
  'a photo of a cat',
  'Two red circles!',
  '',
  'a large striped heart and much more than twelve tokens of text',
];
const unit = (values: readonly number[]) => {
  const norm = Math.hypot(...values);
  return values.map((value) => value / norm);
};

const farthest = (a: ArrayLike<number>, b: readonly number[]) =>
  Math.max(...b.map((value, i) => Math.abs(value - a[i])));

test.each([
  ['open_clip', 'GPT-NeoX, partial rotary', {}, {}],
  [
    'open_clip, a text tower of its own, features before the norm',
    'GPT-NeoX, partial rotary',
    { prefix: 'text.' },
    { visionTokens: 'before-post-norm' },
  ],
  ['Hugging Face', 'GPT-NeoX, tied head', {}, {}],
] as const)('both towers of %s agree with the f64 reference', { timeout: 60_000 }, async (_, name, more, options) => {
  await inTemporaryFolder(async (folder) => {
    const source = await writeTwoTowers(join(folder, 'source'), name, { ...TEXT_TOWER, ...more });
    const out = join(folder, 'package');
    const report = await convert({ model: join(folder, 'source'), out, dtype: 'f32', ...options });
    expect(report.unused.filter(({ name: tensor }) => /text|proj|logit_scale/.test(tensor))).toEqual([]);
    const manifest = JSON.parse(await readFile(join(out, 'model.json'), 'utf8')) as Manifest;
    const logitScale = expect.closeTo(Math.exp(source.scale), 5);
    expect(manifest.clip).toEqual({ embedding: 10, contextLength: 12, startId: START_ID, endId: END_ID, logitScale });
    await using model = await loadFolder(out, { executor: 'wasm' });
    const tokenizer = new TextTokenizer(await readFile(CLIP_TOKENIZER, 'utf8'));
    const wanted = TEXTS.map((text) => {
      const ids = [START_ID, ...tokenizer.encodeText(text).slice(0, 10), END_ID];
      return unit(encodeClipText(source.reference, source.values, ids));
    });
    const texts = await Promise.all(TEXTS.map((text) => model.embedText(text)));
    for (const [i, text] of TEXTS.entries()) expect(farthest(texts[i], wanted[i]), text).toBeLessThan(1e-5);
    const { imageSize: S } = manifest.config.vision;
    const data = Uint8ClampedArray.from({ length: S * S * 4 }, (_, i) => (i % 4 === 3 ? 255 : (i * 37) % 256));
    const picture = { data, width: S, height: S, colorSpace: 'srgb' } as ImageData;
    const { mean, std } = manifest.image;
    const pixels = Float64Array.from({ length: 3 * S * S }, (_, i) => {
      const [channel, at] = [Math.floor(i / (S * S)), i % (S * S)];
      return (data[at * 4 + channel] / 255 - mean[channel]) / std[channel];
    });
    const [first] = encodePixels({ ...source.vision, postNorm: true, keepClass: true }, source.values, pixels);
    const expected = unit(linear([first], source.values('vision.projection'))[0]);
    const vector = await model.embedImage(picture, { by: 'clip' });
    expect(farthest(vector, expected)).toBeLessThan(1e-5);
    const ranked = rankBySimilarity(vector, texts, manifest.clip?.logitScale);
    const dots = wanted.map((text) => text.reduce((sum, value, i) => sum + value * expected[i], 0));
    expect(ranked[0].index).toBe(dots.indexOf(Math.max(...dots)));
  });
});

test('without the tower, or when asked, it is left out and said so; vectors by clip are refused', async () => {
  await inTemporaryFolder(async (folder) => {
    const unmasked = (config: Record<string, unknown>) => {
      const { text_cfg } = config.model_cfg as { text_cfg: Record<string, unknown> };
      text_cfg.no_causal_mask = true;
    };
    await writeTwoTowers(join(folder, 'source'), 'GPT-NeoX, partial rotary', TEXT_TOWER, unmasked);
    const model = join(folder, 'source');
    const report = await convert({ model, out: '', dtype: 'f32', dryRun: true });
    expect(report.notes.join('\n')).toMatch(/text tower was left out: .*no_causal_mask is true/);
    expect(report.unused).toContainEqual({ name: 'logit_scale', reason: 'belongs to the text tower' });
    await writeTwoTowers(model, 'GPT-NeoX, partial rotary', TEXT_TOWER);
    const out = join(folder, 'package');
    await convert({ model, out, dtype: 'q8', noTextTower: true });
    await using loaded = await loadFolder(out, { executor: 'wasm' });
    expect(loaded.manifest.clip).toBeUndefined();
    await expect(loaded.embedText('x')).rejects.toMatchObject({ code: 'unsupported' });
    await expect(loaded.embedImage(new Blob([]), { by: 'clip' })).rejects.toMatchObject({ code: 'unsupported' });
  });
});
