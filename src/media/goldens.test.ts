import { openAsBlob, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { openFile } from '../format/file-node';
import type { ImageProcessor } from '../format/manifest';
import { openSafetensors } from '../format/safetensors';
import { decodeImage } from './decode-node';
import { mediaPixels } from './pixels';
import { planCrop, resizeAndCrop } from './resize';

const goldens = fileURLToPath(new URL('../../e2e/goldens/', import.meta.url));
const json = (path: string) => JSON.parse(readFileSync(goldens + path, 'utf8'));

interface Table {
  resize: number;
  crop: number;
  images: { file: string; expected: string }[];
}
const table: Table = json('preprocess/images.json');

describe('resize and crop equal Pillow', () => {
  it.each(table.images)('$file', async ({ file, expected: expectedFile }) => {
    const image = await decodeImage(await openAsBlob(`${goldens}preprocess/${file}`));
    const plan = planCrop(image, { mode: 'shorter-side', size: table.resize, crop: table.crop, cropRounding: 'round' });
    const expected = await decodeImage(await openAsBlob(`${goldens}preprocess/${expectedFile}`));
    const got = resizeAndCrop(image, plan);
    expect(got).toHaveLength(expected.data.length);
    const worst = got.reduce((most, value, i) => Math.max(most, Math.abs(value - expected.data[i])), 0);
    expect(worst).toBeLessThanOrEqual(file.endsWith('.jpg') ? 3 : 0);
  });
});

interface Request {
  id: string;
  images: string[];
  outputs: string[];
}
const CLIP = { mean: [0.48145466, 0.4578275, 0.40821073], std: [0.26862954, 0.26130258, 0.27577711] } as const;

/** Preprocessing of every golden model whose upstream is open_clip, CLIPImageProcessor, SiglipImageProcessor or IdeficsImageProcessor. */
const models: [string, Pick<ImageProcessor, 'mode' | 'cropRounding'> & Partial<ImageProcessor>][] = [
  ...readdirSync(goldens)
    .filter((name) => name.startsWith('of-') && name !== 'of-siglip')
    .map((name): [string, Pick<ImageProcessor, 'mode' | 'cropRounding'>] => [
      name,
      { mode: 'shorter-side', cropRounding: 'round' },
    ]),
  ['of-siglip', { mode: 'square', cropRounding: 'floor', mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] }],
  ['otter-image', { mode: 'shorter-side', cropRounding: 'floor' }],
  ['otter-video', { mode: 'shorter-side', cropRounding: 'floor' }],
  ['idefics', { mode: 'square', cropRounding: 'floor' }],
  ['idefics-instruct', { mode: 'square', cropRounding: 'floor' }],
];

describe('pixels equal upstream', () => {
  it.each(models)('%s', async (model, own) => {
    await using expected = await openSafetensors(await openFile(`${goldens}${model}/expected.safetensors`));
    const requests: Request[] = json(`${model}/requests.json`).requests.filter(
      ({ id, images }: Request) => images.length > 0 && expected.tensors.has(`${id}/pixels`),
    );
    expect(requests.length).toBeGreaterThan(0);
    for (const { id, images } of requests) {
      const [size] = expected.tensors.get(`${id}/pixels`)!.shape.slice(-1);
      const blobs = await Promise.all(images.map((image) => openAsBlob(`${goldens}${model}/${image}`)));
      const processor: ImageProcessor = {
        size,
        crop: size,
        resample: 'bicubic',
        mean: [...CLIP.mean],
        std: [...CLIP.std],
        ...own,
      };
      const { values: got } = await mediaPixels(blobs, processor, decodeImage);
      const want = await expected.read(`${id}/pixels`);
      expect(got).toHaveLength(want.length);
      const worst = got.reduce((most, value, i) => Math.max(most, Math.abs(value - want[i])), 0);
      expect(worst, `${model} ${id}`).toBeLessThan(1e-5);
    }
  });
});
