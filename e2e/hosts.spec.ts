import { expect, test } from '@playwright/test';
import { complaints, controls, DEV, MODEL, pick, sample } from './helpers';

const STATIC = 'http://localhost:5181/apps/flamingo/';

test('a static build under a sub-path, without isolation headers, answers without a complaint or a foreign request', async ({
  page,
}) => {
  const problems = complaints(page);
  const foreign: string[] = [];
  page.on('request', (request) => {
    const { protocol, href } = new URL(request.url());
    if (protocol.startsWith('http') && !href.startsWith(STATIC)) foreign.push(href);
  });
  await page.goto(`${STATIC}?model=${MODEL}&executor=wasm`);
  const on = controls(page);
  await expect(on.executor).toBeVisible();
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(false);
  await page.getByRole('button', { name: 'What colour is it?' }).click();
  await expect(on.thumbnails).toHaveCount(1);
  await expect(on.message).toHaveValue('What colour is it?');
  await on.send.click();
  await expect(on.assistant).not.toBeEmpty();
  expect(problems).toEqual([]);
  expect(foreign).toEqual([]);
});

test('the development server isolates the page, so that wasm has threads, and answers too', async ({ page }) => {
  const problems = complaints(page);
  await page.goto(`${DEV}?model=/.cache/e2e/model/&executor=wasm`);
  const on = controls(page);
  await on.message.fill('What?');
  await on.send.click();
  await expect(on.assistant).not.toBeEmpty();
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
  expect(problems).toEqual([]);
});

test('a plain page embeds the element; it loads when asked, and the page cannot style it by accident', async ({
  page,
}) => {
  const problems = complaints(page);
  await page.goto(`${DEV}e2e/hosts/plain.html`);
  const on = controls(page);
  await expect(page.getByRole('button', { name: 'Load model' })).toBeVisible(); // no autoload
  await expect(on.message).toBeVisible();
  const answer = await page.evaluate(async () => {
    const chat = document.querySelector('flamingo-chat')!;
    await chat.ready;
    return await chat.ask([{ type: 'text', value: 'What?' }]);
  });
  await expect(on.assistant).toHaveText(answer);
  expect(problems).toEqual([]);
});

test('moving the element keeps model and conversation; removing it ends the worker', async ({ page }) => {
  await page.goto(`${DEV}e2e/hosts/plain.html`);
  const workers = () => page.workers().length;
  await page.evaluate(async () => {
    const chat = document.querySelector('flamingo-chat')!;
    await chat.ready;
    await chat.ask([{ type: 'text', value: 'What?' }]);
    document.body.prepend(chat);
  });
  await expect(controls(page).user).toHaveCount(1);
  expect(workers()).toBeGreaterThan(0);
  await page.evaluate(() => document.querySelector('flamingo-chat')?.remove());
  await expect.poll(workers).toBe(0);
});

test('an answer is shown without HTML, pictures from elsewhere or links that run scripts', async ({ page }) => {
  await page.goto(`${DEV}e2e/hosts/plain.html`);
  const shown = await page.evaluate(async () => {
    const module = '/src/ui/answer-markdown.ts';
    const { safeRenderer } = (await import(module)) as typeof import('../src/ui/answer-markdown');
    const markdown = '/node_modules/streaming-markdown/smd.js';
    const smd = (await import(markdown)) as typeof import('streaming-markdown');
    const root = document.createElement('div');
    const parser = smd.parser(safeRenderer(root));
    const text =
      '**bold** <img src=x onerror=alert(1)> ![pixel](https://example.test/p.png) [run](javascript:alert(1)) [go](https://example.test/)';
    for (const character of text) smd.parser_write(parser, character); // streamed, one character at a time
    smd.parser_end(parser);
    const links = [...root.querySelectorAll('a')].map((a) => a.getAttribute('href'));
    return { elements: [...root.querySelectorAll('*')].map((e) => e.localName), links, text: root.textContent };
  });
  expect(shown.elements).toContain('strong');
  expect(shown.elements).not.toContain('img');
  expect(shown.links).toEqual([null, 'https://example.test/']);
  expect(shown.text).toContain('<img src=x onerror=alert(1)>');
});

test('a wrong executor in the address is ignored; a picture without words asks for a caption', async ({ page }) => {
  await page.goto(`./?model=${MODEL}&executor=quantum`);
  const on = controls(page);
  await expect(on.executor).toBeVisible();
  await pick(page, [sample('red-circle')]);
  await on.send.click();
  await expect(on.assistant).not.toBeEmpty();
});
