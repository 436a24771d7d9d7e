import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from '@playwright/test';
import { complaints, controls, pick } from './helpers';

const GOLDEN = 'e2e/goldens/mllama';
/** The golden's prompt is what the page makes of a picture and these words. */
const QUESTION = 'What colour is the lamp?';
const { prompt, images, greedy_text } = JSON.parse(readFileSync(`${GOLDEN}/expected.json`, 'utf8')).chat;

test.beforeAll(() => {
  expect(prompt).toContain(`<|image|>${QUESTION}<|eot_id|>`);
  const out = '.cache/e2e/site/models/tiles';
  const args = ['scripts/cli.mjs', 'convert', '--model', GOLDEN, '--out', out, '--dtype', 'f32', '--force'];
  execFileSync(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
});

test('a model that cuts pictures into tiles answers in the page as upstream does', async ({ page }) => {
  const problems = complaints(page);
  await page.goto('./?model=models/tiles/&executor=wasm');
  const on = controls(page);
  await page.locator('flamingo-chat').evaluate((chat) => chat.setAttribute('max-tokens', '20'));
  await expect(on.executor).toBeVisible({ timeout: 30_000 });
  await pick(page, [{ name: 'lamp.png', mimeType: 'image/png', buffer: readFileSync(`${GOLDEN}/${images[0]}`) }]);
  await on.message.fill(QUESTION);
  const answer = page.locator('flamingo-chat').evaluate(
    (chat) =>
      new Promise<string>((resolve) => {
        const done = (event: Event) => resolve((event as CustomEvent<{ text: string }>).detail.text);
        chat.addEventListener('flamingo-answer', done, { once: true });
      }),
  );
  await on.send.click();
  await expect(on.user.getByRole('img', { name: 'lamp.png' })).toBeVisible();
  expect(await answer).toBe(greedy_text);
  expect(problems).toEqual([]);
});
