// `node scripts/screenshot.mjs`: takes docs/screenshot.png, the page with the embedded model after a short lesson. For whoever changes the page.
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ensureDependencies } from './ensure-dependencies.mjs';
import { findBrowser } from './find-tools.mjs';

ensureDependencies();
const { createServer } = await import('vite');
const { chromium } = await import('playwright');
const root = fileURLToPath(new URL('..', import.meta.url));
const server = await createServer({ root, logLevel: 'error', server: { port: 0, hmr: false, watch: null } });
await server.listen();
const browser = await chromium.launch({ executablePath: await findBrowser(), args: ['--no-sandbox'] });
try {
  const page = await browser.newPage({ viewport: { width: 1120, height: 900 }, colorScheme: process.argv[2] ?? 'light' });
  await page.goto(`http://localhost:${server.httpServer.address().port}/`);
  await page.getByText(/is ready\. It runs on/).waitFor();
  for (const question of process.argv[3]?.split('|') ?? ['What colour is it?', 'How many shapes are there?']) {
    await page.getByRole('button', { name: question }).click();
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByRole('button', { name: 'Send' }).waitFor();
    await page.waitForTimeout(500);
    if (question !== process.argv[3]?.split('|').at(-1)) continue;
  }
  mkdirSync(`${root}docs`, { recursive: true });
  await page.screenshot({ path: process.argv[4] ?? `${root}docs/screenshot.png` });
} finally {
  await browser.close();
  await server.close();
}
