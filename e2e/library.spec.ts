import { expect, test } from '@playwright/test';
import { complaints, controls, MODEL, sample } from './helpers';

// What `npm run build` puts into dist/lib, served as plain files, in a page that knows nothing of the project's sources.
const SITE = 'http://localhost:5181/apps/flamingo/';

test('five lines embed the built element, and ask() answers about a picture', async ({ page }) => {
  const problems = complaints(page);
  await page.route('**/embed.html', (route) =>
    route.fulfill({
      contentType: 'text/html',
      body: `<!doctype html><link rel="icon" href="favicon.svg"><script type="module" src="flamingo-web/element.js"></script>
<flamingo-chat model="${MODEL}" executor="wasm" max-tokens="8" autoload></flamingo-chat>`,
    }),
  );
  await page.goto(`${SITE}embed.html`);
  const bytes = [...sample('red-circle').buffer];
  const answer = await page.evaluate(async (picture) => {
    await customElements.whenDefined('flamingo-chat');
    const chat = document.querySelector('flamingo-chat')!;
    await chat.ready;
    const value = new Blob([new Uint8Array(picture)], { type: 'image/webp' });
    return await chat.ask([
      { type: 'image', value },
      { type: 'text', value: 'What colour is it?' },
    ]);
  }, bytes);
  expect(answer.length).toBeGreaterThan(0);
  await expect(controls(page).assistant).toHaveText(answer);
  expect(problems).toEqual([]);
});

test('the built library loads a model in its own worker and streams tokens', async ({ page }) => {
  await page.route('**/library.html', (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }));
  await page.goto(`${SITE}library.html`);
  const { words, stats } = await page.evaluate(async (model) => {
    const library = './flamingo-web/index.js';
    const { FlamingoModel } = (await import(/* @vite-ignore */ library)) as typeof import('../src/index');
    const loaded = await FlamingoModel.load(model, { executor: 'wasm' });
    const session = await loaded.createSession();
    await session.append([{ type: 'text', value: 'Hello' }]);
    const words: string[] = [];
    for await (const { text } of session.generate({ maxNewTokens: 5 })) words.push(text);
    const stats = await session.stats();
    await loaded[Symbol.asyncDispose]();
    return { words, stats };
  }, `${SITE}${MODEL}`);
  expect(words.length).toBeGreaterThan(0);
  expect(stats.executor).toBe('wasm');
  await expect.poll(() => page.workers().length).toBe(0);
});

test('the built library gives a LanguageModel that answers in a page without Chrome’s own', async ({ page }) => {
  await page.route('**/prompt.html', (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }));
  await page.goto(`${SITE}prompt.html`);
  const { answer, heard, used } = await page.evaluate(
    async ([model, bytes]) => {
      const library = './flamingo-web/index.js';
      const { defineLanguageModel } = (await import(/* @vite-ignore */ library)) as typeof import('../src/index');
      const Model = defineLanguageModel(model, { executor: 'wasm' });
      const heard: number[] = [];
      const session = await Model.create({
        monitor: (target) => target.addEventListener('downloadprogress', ({ loaded }) => heard.push(loaded)),
      });
      const bitmap = await createImageBitmap(new Blob([new Uint8Array(bytes)]));
      const canvas = Object.assign(document.createElement('canvas'), { width: bitmap.width, height: bitmap.height });
      canvas.getContext('2d')!.drawImage(bitmap, 0, 0);
      const answer = await session.prompt([
        {
          role: 'user',
          content: [
            { type: 'image', value: canvas },
            { type: 'text', value: 'What is it?' },
          ],
        },
      ]);
      return { answer, heard, used: session.contextUsage };
    },
    [`${SITE}${MODEL}`, [...sample('red-circle').buffer]] as const,
  );
  expect(answer.length).toBeGreaterThan(0);
  expect(heard.at(-1)).toBe(1);
  expect(used).toBeGreaterThan(3);
});

test('what was encoded of a picture stays for the next visit where that is asked for, until it is cleared', async ({
  page,
}) => {
  await page.route('**/kept.html', (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }));
  await page.goto(`${SITE}kept.html`);
  const { runs, scores, files } = await page.evaluate(
    async ([model, bytes]) => {
      const library = './flamingo-web/index.js';
      const { FlamingoModel, clearKeptMedia } = (await import(
        /* @vite-ignore */ library
      )) as typeof import('../src/index');
      const sizes = async () => {
        const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('flamingo-web-media');
        const found: number[] = [];
        for await (const handle of folder.values()) found.push((await (handle as FileSystemFileHandle).getFile()).size);
        return found;
      };
      const visit = async () => {
        const loaded = await FlamingoModel.load(model, { executor: 'wasm', keepMedia: true });
        const session = await loaded.createSession();
        const picture = await session.addMedia(new Blob([new Uint8Array(bytes)], { type: 'image/webp' }));
        await session.append([{ type: 'media', value: picture }, ...loaded.question('What colour is it?')]);
        const [{ sum }] = await session.score([' red']);
        const { visionRuns, resamplerRuns } = await session.stats();
        while ((await sizes()).every((size) => size === 0)) await new Promise((resolve) => setTimeout(resolve, 20));
        await loaded[Symbol.asyncDispose]();
        return { runs: [visionRuns, resamplerRuns], sum };
      };
      const visits = [await visit(), await visit()];
      const kept = await sizes();
      await clearKeptMedia();
      return {
        runs: visits.map((each) => each.runs),
        scores: visits.map((each) => each.sum),
        files: [kept.length, (await sizes()).length],
      };
    },
    [`${SITE}${MODEL}`, [...sample('red-circle').buffer]] as const,
  );
  expect(runs).toEqual([
    [1, 1],
    [0, 0],
  ]);
  expect(scores[1]).toBe(scores[0]);
  expect(files).toEqual([1, 0]);
});
