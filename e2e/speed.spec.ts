import { expect, type Page, test } from '@playwright/test';
import { controls, give, sample } from './helpers';

// `npx playwright test e2e/speed.spec.ts` prints how long people wait, with the embedded model and no GPU. What is promised on 2 idle cores is 3 s until
// the model is ready, 1.5 s from a dropped picture to the first word, and 50 ms for each token after it (in later answers, with warm code, 20 to 30 ms
// were measured); the test allows twice that, because its machine may be busy.
const PROMISED = { ready: 3000, word: 1500, token: 50 };

interface Waits {
  ready: number;
  word: number;
  token: number;
}

/** Milliseconds from the request for the page to `chat.ready`, from a drop to the first word of the answer, and of each token after it. */
async function visit(page: Page): Promise<Waits> {
  await page.goto('./', { waitUntil: 'commit' });
  await page.waitForFunction(() => customElements.get('flamingo-chat'));
  const ready = await page.evaluate(async () => {
    await document.querySelector('flamingo-chat')!.ready;
    return performance.now();
  });
  await page.evaluate(() => {
    document.addEventListener('drop', () => performance.mark('drop'), { capture: true });
    document.addEventListener('flamingo-token', () => performance.mark('token'));
  });
  const on = controls(page);
  await on.message.fill('Describe the picture.');
  await give(on.message, 'drop', [sample('red-circle')]);
  await expect(on.thumbnails).toHaveCount(1);
  await on.message.press('Enter');
  await expect(on.assistant).toHaveText(/red circle/); // several tokens
  await expect(on.send).toBeVisible();
  const [dropped, ...tokens] = await page.evaluate(() => [
    performance.getEntriesByName('drop')[0]!.startTime,
    ...performance.getEntriesByName('token').map((mark) => mark.startTime),
  ]);
  const [first, last] = [tokens[0]!, tokens.at(-1)!];
  return { ready, word: first - dropped!, token: (last - first) / (tokens.length - 1) };
}

const told = ({ ready, word, token }: Waits) =>
  `ready ${Math.round(ready)} ms, first word ${Math.round(word)} ms, ${token.toFixed(1)} ms a token`;

test('the page is ready, and answers, soon enough; from the local cache as well', async ({ browser, baseURL }) => {
  const first: Waits = {
    ready: Number.POSITIVE_INFINITY,
    word: Number.POSITIVE_INFINITY,
    token: Number.POSITIVE_INFINITY,
  };
  const again = { ...first };
  for (let visits = 1; visits <= 3; visits++) {
    const context = await browser.newContext({ baseURL }); // a browser that was never here
    for (const [best, name] of [
      [first, 'first visit'],
      [again, 'second visit'],
    ] as const) {
      const page = await context.newPage();
      const waits = await visit(page);
      console.log(`${name}: ${told(waits)}`);
      best.ready = Math.min(best.ready, waits.ready);
      best.word = Math.min(best.word, waits.word);
      best.token = Math.min(best.token, waits.token);
      await page.close();
    }
    await context.close();
    if (first.ready <= PROMISED.ready && first.word <= PROMISED.word && first.token <= PROMISED.token) break; // no need to try again
  }
  for (const { ready, word, token } of [first, again]) {
    expect(ready).toBeLessThan(2 * PROMISED.ready);
    expect(word).toBeLessThan(2 * PROMISED.word);
    expect(token).toBeLessThan(2 * PROMISED.token);
  }
});
