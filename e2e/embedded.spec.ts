import { expect, test } from '@playwright/test';
import { complaints, controls } from './helpers';

test('the page as it comes: a sample picture, its question, a short answer by the embedded model', async ({ page }) => {
  const problems = complaints(page);
  await page.goto('./');
  const on = controls(page);
  await expect(on.executor).toContainText('flamingo-tiny', { timeout: 30_000 });
  await page.getByRole('button', { name: 'What colour is it?' }).click();
  await expect(on.thumbnails).toHaveCount(1);
  await on.send.click();
  await expect(on.send).toBeVisible({ timeout: 30_000 });
  await expect(on.assistant).toHaveText(/\bred\b/i); // the first sample is a red circle
  expect(problems).toEqual([]);
});
