import { readFileSync } from 'node:fs';
import { expect, test } from '@playwright/test';
import { complaints, controls, give, MODEL, openChat, sample, type Upload } from './helpers';

/** A PNG that says it is 30,000 x 30,000, with next to nothing behind the header. */
function hugePng(): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(data.length);
    return Buffer.concat([length, Buffer.from(type), data, Buffer.alloc(4)]);
  };
  const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 2, 0, 0, 0]);
  header.writeUInt32BE(30_000, 0);
  header.writeUInt32BE(30_000, 4);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', Buffer.alloc(64)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** The first half of a real JPEG. */
function cutJpeg(): Buffer {
  const whole = readFileSync('e2e/goldens/preprocess/07-exif1.jpg');
  return whole.subarray(0, whole.length >> 1);
}

const heic = Buffer.concat([Buffer.from([0, 0, 0, 24]), Buffer.from('ftypheic'), Buffer.alloc(64)]);

const BAD: [string, Upload, RegExp][] = [
  [
    'a text file',
    { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('hello') },
    /notes\.txt is a text file/,
  ],
  [
    'an SVG',
    {
      name: 'drawing.svg',
      mimeType: 'image/svg+xml',
      buffer: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'),
    },
    /drawing\.svg is an SVG drawing/,
  ],
  ['a HEIC', { name: 'phone.heic', mimeType: 'image/heic', buffer: heic }, /phone\.heic is a HEIC picture/],
  ['a truncated JPEG', { name: 'cut.jpg', mimeType: 'image/jpeg', buffer: cutJpeg() }, /cut\.jpg .*cut short/],
  ['a huge PNG', { name: 'huge.png', mimeType: 'image/png', buffer: hugePng() }, /huge\.png has 30000 x 30000/],
  ['an empty file', { name: 'empty.png', mimeType: 'image/png', buffer: Buffer.alloc(0) }, /empty\.png is empty/],
];

test('files that are no pictures are named in place; the message and the good picture beside them stay', async ({
  page,
}) => {
  const problems = complaints(page);
  const on = await openChat(page);
  await on.message.fill('What is this?');
  for (const [name, file, expected] of BAD) {
    await test.step(name, async () => {
      await give(on.message, 'drop', [file]);
      await expect(on.alert).toHaveText(expected);
      await expect(on.thumbnails).toHaveCount(0);
      await expect(on.message).toHaveValue('What is this?');
      await page.getByRole('button', { name: 'Dismiss' }).click();
    });
  }
  await give(on.message, 'drop', [...BAD.map(([, file]) => file), sample('red-circle')]);
  await expect(on.alert).toHaveCount(BAD.length);
  await expect(on.thumbnails).toHaveCount(1);
  await on.send.click();
  await expect(on.assistant).not.toBeEmpty();
  await expect(on.alert).toHaveCount(0);
  expect(problems).toEqual([]);
});

test('a picture that only its decoder finds damaged is taken out of the message, and named', async ({ page }) => {
  const on = await openChat(page);
  const damaged = readFileSync('e2e/goldens/of-opt/images/00.png');
  damaged.fill(0, 60, damaged.length - 40); // header and end are whole, the pixels are not
  await give(on.message, 'drop', [{ name: 'damaged.png', mimeType: 'image/png', buffer: damaged }]);
  await expect(on.alert).toContainText('damaged.png');
  await expect(on.thumbnails).toHaveCount(0);
});

test('a package that is not there, or damaged, is told with what to do', async ({ page }) => {
  await page.goto('./?model=/nowhere/&executor=wasm');
  const on = controls(page);
  await expect(on.alert).toContainText('/nowhere/');
  await expect(page.getByRole('button', { name: 'Load again' })).toBeVisible();
  await page.route('**/decoder.onnx.data-00001', async (route) => {
    const response = await route.fetch();
    const body = await response.body();
    body[1000] ^= 1;
    await route.fulfill({ response, body });
  });
  await page.goto(`./?model=${MODEL}&executor=wasm`);
  await expect(on.alert).toContainText('decoder.onnx.data-00001');
  await page.unroute('**/decoder.onnx.data-00001');
  await page.getByRole('button', { name: 'Load again' }).click();
  await expect(on.executor).toBeVisible();
});
