import { expect, type Page, test } from '@playwright/test';
import { MODEL, openChat } from './helpers';

/** Paths of the model's files that the page asks its server for. */
function modelRequests(page: Page): string[] {
  const asked: string[] = [];
  page.context().on('request', (request) => {
    const { pathname } = new URL(request.url());
    if (pathname.includes(`/${MODEL}`)) asked.push(pathname.slice(pathname.lastIndexOf('/') + 1));
  });
  return asked;
}

/** Waits until the browser holds every piece: they are written behind the model, so that nobody waits for the disk. */
async function expectAllKept(page: Page): Promise<void> {
  const manifest = await (await page.request.get(`./${MODEL}model.json`)).json();
  const hashes = manifest.files.flatMap(({ chunks }: { chunks: string[] }) => chunks);
  await expect.poll(() => piecesKept(page)).toBe(new Set(hashes).size);
}

function piecesKept(page: Page): Promise<number> {
  return page.evaluate(async () => {
    const root = await navigator.storage.getDirectory();
    const folder = await root.getDirectoryHandle('flamingo-web-chunks', { create: true });
    let pieces = 0;
    for await (const _ of folder.entries()) pieces++;
    return pieces;
  });
}

test('a model that was loaded once comes from the local cache; only its manifest is asked for again', async ({
  page,
}) => {
  const first = modelRequests(page);
  await openChat(page);
  expect(first).toContain('decoder.onnx.data-00001');
  await expectAllKept(page);
  await page.reload();
  const again = first.splice(0);
  await openChat(page);
  expect(again.length).toBeGreaterThan(5);
  expect(new Set(first)).toEqual(new Set(['model.json']));
});

test('a damaged piece in the local cache is fetched again, and the model is ready', async ({ page }) => {
  await openChat(page);
  await expectAllKept(page);
  const damaged = await page.evaluate(async () => {
    const root = await navigator.storage.getDirectory();
    const folder = await root.getDirectoryHandle('flamingo-web-chunks');
    /** The page may still be writing the last piece, which is there from its first byte on; until then nobody else may. */
    const openToWrite = async (handle: FileSystemFileHandle): Promise<FileSystemWritableFileStream> => {
      for (let wait = 0; ; wait++) {
        try {
          return await handle.createWritable({ keepExistingData: true });
        } catch (cause) {
          if (wait === 100 || (cause as Error).name !== 'NoModificationAllowedError') throw cause;
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      }
    };
    let pieces = 0;
    for await (const [, handle] of folder.entries()) {
      const stream = await openToWrite(handle as FileSystemFileHandle);
      await stream.write({ type: 'write', position: 0, data: new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]) });
      await stream.close();
      pieces++;
    }
    return pieces;
  });
  expect(damaged).toBeGreaterThan(5);
  const asked = modelRequests(page);
  await openChat(page);
  expect(asked).toContain('decoder.onnx.data-00001');
});
