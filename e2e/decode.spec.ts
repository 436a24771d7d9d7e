import { readFileSync } from 'node:fs';
import { expect, type Page, test } from '@playwright/test';
import { DEV } from './helpers';

interface Table {
  resize: number;
  images: { file: string; expected: string }[];
}
const table: Table = JSON.parse(readFileSync('e2e/goldens/preprocess/images.json', 'utf8'));

/** A page of the same origin as the modules, without the app. */
async function blank(page: Page): Promise<void> {
  await page.route('**/blank.html', (route) => route.fulfill({ contentType: 'text/html', body: '' }));
  await page.goto(`${DEV}blank.html`);
}

/** The browser decodes, flattens and resizes: every channel within 1/255 of Pillow for PNGs with 99 % equal, within 3/255 for JPEGs. */
test('pictures become the pixels that Pillow makes', async ({ page }) => {
  await blank(page);
  const results = await page.evaluate(async ({ resize, images }) => {
    const [decodePath, resizePath] = ['/src/media/decode-browser.ts', '/src/media/resize.ts'];
    const { decodeImage }: typeof import('../src/media/decode-browser') = await import(decodePath);
    const { planCrop, resizeAndCrop }: typeof import('../src/media/resize') = await import(resizePath);
    const load = async (file: string) => decodeImage(await (await fetch(`/e2e/goldens/preprocess/${file}`)).blob());
    const processor = { mode: 'shorter-side', size: resize, crop: resize, cropRounding: 'round' } as const;
    const found: { file: string; worst: number; equal: number }[] = [];
    for (const { file, expected } of images) {
      const image = await load(file);
      const got = resizeAndCrop(image, planCrop(image, processor));
      const want = (await load(expected)).data;
      const differences = got.map((value, i) => Math.abs(value - want[i]));
      const equal = differences.filter((value) => value === 0).length / got.length;
      found.push({
        file,
        worst: got.length === want.length ? differences.reduce((a, b) => Math.max(a, b), 0) : 255,
        equal,
      });
    }
    return found;
  }, table);
  expect(results).toHaveLength(table.images.length);
  for (const { file, worst, equal } of results) {
    const jpeg = file.endsWith('.jpg');
    expect(worst, file).toBeLessThanOrEqual(jpeg ? 3 : 1);
    if (!jpeg) expect(equal, file).toBeGreaterThanOrEqual(0.99);
  }
});

test('pieces of a model are kept in the private file system, in a page and in a worker', async ({ page }) => {
  await blank(page);
  const source = `
    const { openOpfsCache, clearOpfsCache } = await import(location.origin + '/src/format/opfs-cache.ts');
    await clearOpfsCache();
    const piece = new Uint8Array(3_000_000).map((_, i) => i * 7);
    await (await openOpfsCache()).put('ab', piece);
    const kept = await (await openOpfsCache()).get('ab');
    const same = kept.length === piece.length && kept.every((value, i) => value === piece[i]);
    const unknown = await (await openOpfsCache()).get('cd');
    await clearOpfsCache();
    const gone = await (await openOpfsCache()).get('ab');`;
  const result = await page.evaluate(async (code) => {
    const report = '[same, unknown === undefined, gone === undefined]';
    const AsyncFunction = (async () => undefined).constructor as new (body: string) => () => Promise<boolean[]>;
    const inPage = await new AsyncFunction(`${code} return ${report};`)();
    const worker = new Worker(
      URL.createObjectURL(
        new Blob([`${code.replaceAll('location.origin', JSON.stringify(location.origin))} postMessage(${report});`], {
          type: 'text/javascript',
        }),
      ),
      { type: 'module' },
    );
    const inWorker = await new Promise<boolean[]>((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(message));
    });
    return { inPage, inWorker };
  }, source);
  expect(result).toEqual({ inPage: [true, true, true], inWorker: [true, true, true] });
});
