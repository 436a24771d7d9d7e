import { openAsBlob, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openFile } from '../format/file-node';
import type { ImageProcessor } from '../format/manifest';
import { openSafetensors } from '../format/safetensors';
import { decodeImage } from './decode-node';
import { mediaPixels } from './pixels';
import { planTiles } from './tiles';

// Computed with transformers 4.45.2, get_optimal_tiled_canvas and get_image_size_fit_to_canvas: [width, height, tile, tiles] -> [columns, rows, width, height].
test.each([
  [448, 448, 448, 4, 1, 1, 448, 448],
  [100, 100, 448, 4, 1, 1, 448, 448],
  [900, 448, 448, 4, 3, 1, 900, 448],
  [1000, 600, 560, 4, 2, 2, 1000, 600],
  [4000, 3000, 560, 4, 2, 2, 1120, 840],
  [200, 1600, 560, 4, 1, 3, 200, 1600],
  [33, 65, 32, 6, 2, 3, 33, 65],
  [5000, 50, 32, 4, 4, 1, 128, 1],
])(
  'a picture of %d x %d in tiles of %d, at most %d',
  (width, height, tile, tiles, columns, rows, toWidth, toHeight) => {
    const plan = planTiles({ width, height }, tile, tiles);
    expect(plan).toMatchObject({ columns, rows, width: toWidth, height: toHeight });
  },
);

const golden = fileURLToPath(new URL('../../e2e/goldens/mllama/', import.meta.url));

test('a picture keeps at least one pixel of height', () => {
  expect(planTiles({ width: 5000, height: 10 }, 32, 4)).toMatchObject({ width: 128, height: 1 }); // upstream fails: 0
});

test('pixels equal upstream', async () => {
  await using expected = await openSafetensors(await openFile(`${golden}expected.safetensors`));
  const { requests } = JSON.parse(readFileSync(`${golden}requests.json`, 'utf8'));
  const processor: ImageProcessor = {
    mode: 'tiles',
    size: 32,
    crop: 32,
    cropRounding: 'floor',
    resample: 'bilinear',
    tiles: 4,
    mean: [0.5, 0.5, 0.5],
    std: [0.5, 0.5, 0.5],
  };
  const compared = new Set<string>();
  for (const { id, images } of requests) {
    if (images.length === 0) continue;
    const arrangements = await expected.read(`${id}/aspect_ratio_ids`);
    for (const [m, image] of (images as string[]).entries()) {
      const got = await mediaPixels([await openAsBlob(golden + image)], processor, decodeImage);
      expect(got.tiles?.arrangement, `${id} ${image}`).toBe(arrangements[m]);
      if (!expected.tensors.has(`${id}/pixels`)) continue;
      const want = (await expected.read(`${id}/pixels`)).subarray(m * got.values.length, (m + 1) * got.values.length);
      const worst = got.values.reduce((most, value, i) => Math.max(most, Math.abs(value - want[i])), 0);
      expect(worst, `${id} ${image}`).toBeLessThan(1e-6);
      compared.add(image);
    }
  }
  expect(compared.size).toBe(3);
});

test('a clip is refused before anything is decoded', async () => {
  const processor = { mode: 'tiles', size: 32, crop: 32, tiles: 4 } as unknown as ImageProcessor;
  const twice = [new Blob(), new Blob()];
  await expect(mediaPixels(twice, processor, decodeImage)).rejects.toMatchObject({
    code: 'invalid-option',
    details: { frames: 2, limit: 1 },
  });
});
