import { readFileSync } from 'node:fs';
import { expect, type Page, test } from '@playwright/test';
import type { AxeResults } from 'axe-core';
import { controls, openChat, pick, sample } from './helpers';

const AXE = readFileSync('node_modules/axe-core/axe.min.js', 'utf8');

/** What axe-core finds wrong with the page as it stands, one line each. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(AXE); // evaluated, not added as a script: the page's CSP allows none
  const { violations: found } = await page.evaluate(async () => {
    return (await (window as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run()) as AxeResults;
  });
  return found.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target} ${failureSummary}`),
  );
}

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [360, 1100]) {
    test(`${colorScheme}, ${width} px: axe-core finds nothing; nothing overflows; targets are large enough`, async ({
      page,
    }) => {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 740 });
      const on = await openChat(page);
      await page.locator('flamingo-chat').evaluate((chat) => chat.setAttribute('max-tokens', '8'));
      expect(await violations(page)).toEqual([]);
      await on.message.fill('This is a cat:');
      await pick(page, [sample('red-circle'), { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('x') }]);
      await expect(on.alert).toBeVisible();
      expect(await violations(page)).toEqual([]);
      expect(await smallTargets(page)).toEqual([]);
      await on.send.click();
      await expect(on.send).toBeVisible();
      await expect(on.assistant).not.toBeEmpty();
      expect(await violations(page)).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    });
  }
}

test('a whole conversation by keyboard alone', async ({ page }) => {
  const on = await openChat(page);
  await page.locator('flamingo-chat').evaluate((chat) => chat.setAttribute('max-tokens', '8'));
  await tabTo(page, 'What colour is it?');
  await page.keyboard.press('Enter');
  await expect(on.thumbnails).toHaveCount(1);
  await expect(on.message).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(on.assistant).not.toBeEmpty();
  await expect(on.message).toBeFocused();
  await page.keyboard.type('And now?');
  await page.keyboard.press('Shift+Enter');
  await page.keyboard.type('Really?');
  await expect(on.message).toHaveValue('And now?\nReally?');
  await expect(on.send).toBeVisible();
  await page.keyboard.press('Enter');
  await expect(on.user).toHaveCount(2);
});

test('no motion for those who asked for none', async ({ page }) => {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await openChat(page);
  expect(await page.evaluate(() => document.getAnimations().length)).toBe(0);
});

/** Buttons and boxes smaller than 44 px either way. */
function smallTargets(page: Page): Promise<string[]> {
  return page.locator('flamingo-chat').evaluate((chat) =>
    [...(chat.shadowRoot?.querySelectorAll('button, textarea') ?? [])].flatMap((target) => {
      const { width, height } = target.getBoundingClientRect();
      return width >= 44 && height >= 44 ? [] : [`${target.textContent?.trim()} ${width} x ${height}`];
    }),
  );
}

async function tabTo(page: Page, name: string): Promise<void> {
  const target = page.getByRole('button', { name });
  for (let i = 0; i < 20; i++) {
    await page.keyboard.press('Tab');
    if (await target.evaluate((button) => button.matches(':focus'))) return;
  }
  await expect(controls(page).send, `${name} was not reached by 20 times Tab`).toBeFocused();
}
