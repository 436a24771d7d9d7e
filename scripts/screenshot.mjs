// `node scripts/screenshot.mjs [--dark] [--out FILE]`: takes docs/screenshot.png, a short chat with the embedded model. For whoever changes the page.
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ensureDependencies } from './ensure-dependencies.mjs';
import { findBrowser } from './find-tools.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({
  options: { dark: { type: 'boolean' }, out: { type: 'string', default: `${root}docs/screenshot.png` } },
});

const CHAT = [
  { picture: 'red-circle', words: 'What colour is it?' },
  { picture: 'square-and-star', words: 'What do you see?' },
];

ensureDependencies();
const { createServer } = await import('vite');
const { chromium } = await import('playwright');
const server = await createServer({ root, logLevel: 'error', server: { port: 0, hmr: false, watch: null } });
await server.listen();
const browser = await chromium.launch({ executablePath: await findBrowser(), args: ['--no-sandbox'] });
try {
  const page = await browser.newPage({
    viewport: { width: 1120, height: 760 },
    colorScheme: values.dark ? 'dark' : 'light',
  });
  await page.goto(`http://localhost:${server.httpServer.address().port}/`);
  await page.getByText(/is ready\. It runs on/).waitFor();
  for (const { picture, words } of CHAT) {
    const choosing = page.waitForEvent('filechooser');
    await page.getByRole('button', { name: 'Add images' }).click();
    await (await choosing).setFiles(`${root}public/samples/${picture}.webp`);
    await page.getByRole('textbox', { name: 'Message' }).fill(words);
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByRole('button', { name: 'Send' }).waitFor();
    console.log(words, '->', await page.locator('[data-role="assistant"]').last().textContent());
  }
  mkdirSync(`${root}docs`, { recursive: true });
  await page.screenshot({ path: values.out });
} finally {
  await browser.close();
  await server.close();
}
process.exit();
