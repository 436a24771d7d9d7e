import { expect, test } from '@playwright/test';
import { controls, MODEL, openChat, pick, sample } from './helpers';

/** Nothing may be lost by stopping or failing: this message stands in the log, and can be edited or asked again. */
async function send(page: Parameters<typeof controls>[0]) {
  const on = controls(page);
  await pick(page, [sample('red-circle')]);
  await on.message.fill('What colour is it?');
  await on.send.click();
  return on;
}

test('Stop while the model loads: the question stays, and is answered when asked again', async ({ page }) => {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route('**/decoder.onnx.data-00001', async (route) => {
    await held;
    await route.continue();
  });
  await page.goto(`./?model=${MODEL}&executor=wasm`);
  await expect(page.getByRole('progressbar')).toBeVisible();
  const on = await send(page);
  await on.stop.click();
  await expect(on.log.getByText('Stopped.')).toBeVisible();
  await expect(on.user).toContainText('What colour is it?');
  release();
  await expect(on.executor).toBeVisible();
  await page.getByRole('button', { name: 'Try again' }).click();
  await expect(on.assistant).not.toBeEmpty();
});

test('loading can be cancelled, and begun again', async ({ page }) => {
  await page.route('**/decoder.onnx.data-00001', () => undefined); // never answered
  await page.goto(`./?model=${MODEL}&executor=wasm`);
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.unroute('**/decoder.onnx.data-00001');
  await page.getByRole('button', { name: 'Load model' }).click();
  await expect(controls(page).executor).toBeVisible();
});

test('progress is told in bytes, of all bytes', async ({ page }) => {
  await page.addInitScript(() => {
    const seen: { loadedBytes: number; totalBytes: number }[] = [];
    Object.assign(window, { seen });
    document.addEventListener('flamingo-progress', (event) => seen.push((event as CustomEvent).detail));
  });
  await openChat(page);
  const seen = await page.evaluate(
    () => (window as unknown as { seen: { loadedBytes: number; totalBytes: number }[] }).seen,
  );
  const loaded = seen.map(({ loadedBytes }) => loadedBytes);
  expect(loaded).toEqual([...loaded].sort((a, b) => a - b));
  expect(loaded.at(-1)).toBe(seen.at(-1)?.totalBytes);
  expect(loaded.at(-1)).toBeGreaterThan(500_000);
});

test('Stop while the message is read: nothing of it stays in the context', async ({ page }) => {
  await openChat(page);
  const positions = await page.evaluate(async () => {
    const chat = document.querySelector('flamingo-chat')!;
    chat.maxTokens = 8;
    const value = await (await fetch('samples/red-circle.webp')).blob();
    const asking = chat.ask([
      { type: 'image', value },
      { type: 'text', value: 'Tell me more. '.repeat(20) },
    ]);
    await new Promise((resolve) => setTimeout(resolve, 1)); // the picture is on its way
    chat.stop();
    const code = await asking.catch((error) => error.code);
    const after = await chat.ask([{ type: 'text', value: 'What?' }]);
    await chat.newChat();
    return { code, after, fresh: await chat.ask([{ type: 'text', value: 'What?' }]) };
  });
  expect(positions.code).toBe('aborted');
  expect(positions.after).toBe(positions.fresh);
});

test('Stop while the answer is written keeps what was written, and the conversation goes on', async ({ page }) => {
  await openChat(page);
  const on = await send(page);
  await expect(on.assistant).not.toBeEmpty();
  await on.stop.click();
  await expect(on.log.getByText('Stopped.')).toBeVisible();
  const kept = await on.assistant.textContent();
  expect(kept).not.toBe('');
  await on.message.fill('And now?');
  await on.send.click();
  await expect(on.assistant.nth(1)).not.toBeEmpty();
  expect(await on.assistant.first().textContent()).toBe(kept);
});

test('a message can be taken back for editing', async ({ page }) => {
  await openChat(page);
  const on = await send(page);
  await expect(on.assistant).not.toBeEmpty();
  await on.stop.click();
  await page.getByRole('button', { name: 'Edit message' }).click();
  await expect(on.message).toHaveValue('What colour is it?');
  await expect(on.thumbnails).toHaveCount(1);
  await expect(on.user).toHaveCount(0);
});

test('the worker dies in the middle of an answer: nothing is lost, and asking again rebuilds the session', async ({
  page,
}) => {
  await openChat(page);
  await page.locator('flamingo-chat').evaluate((chat) => chat.setAttribute('max-tokens', '6'));
  const on = await send(page);
  await expect(on.send).toBeVisible();
  const first = await on.assistant.textContent();
  await page.locator('flamingo-chat').evaluate((chat) => chat.setAttribute('max-tokens', '120'));
  await on.message.fill('Tell me more.');
  await on.send.click();
  await expect(on.assistant.nth(1)).not.toBeEmpty();
  await page.workers()[0].evaluate(() => self.close());
  await expect(on.alert).toContainText('The worker that runs the model has ended.');
  expect(await on.assistant.nth(0).textContent()).toBe(first);
  await expect(on.assistant.nth(1)).not.toBeEmpty();
  await page.getByRole('button', { name: 'Try again' }).click();
  await expect(on.executor).toBeVisible();
  await expect(on.alert).toBeHidden();
  await expect(on.send).toBeVisible({ timeout: 40_000 });
  await expect(on.assistant).toHaveCount(2);
  await expect(on.user.first().locator('img')).toBeVisible();
});

test('a message longer than the context is refused in place, and stays', async ({ page }) => {
  await openChat(page);
  const on = controls(page);
  const long = 'word '.repeat(6000).trim();
  await on.message.fill(long);
  await on.send.click();
  await expect(on.alert).toContainText(/tokens; there is room for \d+/);
  await page.getByRole('button', { name: 'Edit message' }).click();
  await expect(on.message).toHaveValue(long);
});
