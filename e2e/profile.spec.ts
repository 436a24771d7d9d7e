import { expect, test } from '@playwright/test';
import { controls, MODEL } from './helpers';

test('?profile=1 shows the time of each kernel, ?tap= what a stage held', async ({ page }) => {
  test.setTimeout(120_000);
  await page.goto(`./?model=${MODEL}&executor=webgpu&profile=1&tap=hidden.1`);
  const on = controls(page);
  await page.locator('flamingo-chat').evaluate((chat) => chat.setAttribute('max-tokens', '3'));
  await on.message.fill('Hello?');
  await on.send.click();
  const profile = page.getByRole('region', { name: 'Profile' });
  await expect(profile.getByRole('row')).not.toHaveCount(0, { timeout: 60_000 });
  await expect(profile.getByRole('cell', { name: /^attention\/causal/ })).toBeVisible();
  const times = await profile.locator('tr td:nth-child(3)').allTextContents();
  expect(times.map(Number).some((ms) => ms > 0)).toBe(true);
  await expect(profile).toContainText(/hidden\.1: \d+ values, 0 not finite, min -\d/);
});

test('a stage that the model does not have is an error that names those it has', async ({ page }) => {
  await page.goto(`./?model=${MODEL}&executor=wasm&tap=hidden.99`);
  await expect(controls(page).alert).toContainText(
    'There is no stage hidden.99 to read. This model has hidden.0 to hidden.',
  );
});
