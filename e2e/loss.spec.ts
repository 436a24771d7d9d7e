import { expect, type Page, test, type Worker } from '@playwright/test';
import { controls, MODEL, pick, sample } from './helpers';

/** Keeps the GPU device of the page's worker in reach, so that it can be lost as a driver's reset loses it. */
async function withDevice(page: Page, open: () => Promise<unknown>): Promise<Worker> {
  let release = () => {};
  const patched = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route('**/model.json', async (route) => {
    await patched;
    await route.continue();
  });
  const [worker] = await Promise.all([page.waitForEvent('worker'), open()]);
  await worker.evaluate(() => {
    const { requestDevice } = GPUAdapter.prototype;
    GPUAdapter.prototype.requestDevice = async function (descriptor) {
      const device = await requestDevice.call(this, descriptor);
      Object.assign(self, { device });
      return device;
    };
  });
  release();
  return worker;
}

const setLength = (page: Page, tokens: number) =>
  page.locator('flamingo-chat').evaluate((chat, max) => chat.setAttribute('max-tokens', `${max}`), tokens);

test('the GPU is lost in the middle of an answer: words, pictures and the answer so far stay, and the next question is answered', async ({
  page,
}) => {
  test.setTimeout(120_000);
  const worker = await withDevice(page, () => page.goto(`./?model=${MODEL}&executor=webgpu`));
  const on = controls(page);
  await expect(on.executor).toBeVisible({ timeout: 60_000 });
  await setLength(page, 4);
  await pick(page, [sample('red-circle')]);
  await on.message.fill('What colour is it?');
  await on.send.click();
  await expect(on.send).toBeVisible({ timeout: 30_000 });
  const first = await on.assistant.textContent();
  await setLength(page, 200);
  await on.message.fill('Tell me more.');
  await on.send.click();
  await expect(on.assistant.nth(1)).not.toBeEmpty({ timeout: 30_000 });
  await on.message.fill('half a thought');
  await worker.evaluate(() => (self as unknown as { device: GPUDevice }).device.destroy());
  await expect(on.alert.filter({ hasText: 'The GPU device was lost' })).toBeVisible();
  const partial = await on.assistant.nth(1).textContent();
  expect(partial).not.toBe('');
  await expect(on.assistant.nth(0)).toHaveText(first ?? '');
  await expect(on.user.first().locator('img')).toBeVisible();
  await expect(on.message).toHaveValue('half a thought');
  await setLength(page, 4);
  await on.send.click();
  await expect(on.assistant.nth(2)).not.toBeEmpty({ timeout: 60_000 });
  await expect(on.send).toBeVisible({ timeout: 30_000 });
  await expect(on.assistant.nth(0)).toHaveText(first ?? '');
  await expect(on.assistant.nth(1)).toHaveText(partial ?? '');
  await expect(on.user).toHaveCount(3);
});

test('a rebuilt session has read the conversation: its answer is the one that the lost session would have given', async ({
  page,
}) => {
  const ask = async (losesWorker: boolean) => {
    await page.goto(`./?model=${MODEL}&executor=wasm`);
    const value = [...sample('red-circle').buffer];
    const first = await page.evaluate(async (bytes) => {
      const chat = document.querySelector('flamingo-chat')!;
      chat.maxTokens = 6;
      await chat.ready;
      const image = new Blob([new Uint8Array(bytes)]);
      return await chat.ask([
        { type: 'image', value: image },
        { type: 'text', value: 'What colour is it?' },
      ]);
    }, value);
    if (losesWorker) {
      await page.workers()[0].evaluate(() => self.close());
      await expect(controls(page).alert).toContainText('has ended');
    }
    const second = await page.evaluate(() =>
      document.querySelector('flamingo-chat')!.ask([{ type: 'text', value: 'And now?' }]),
    );
    return [first, second];
  };
  const lost = await ask(true);
  expect(lost.every((answer) => answer !== '')).toBe(true);
  expect(lost).toEqual(await ask(false));
});
