// `npm run bench -- --out FILE [--suite decode] [--rounds N] [--tokens N]`: bench.html in headless Chromium, its result as JSON.
// GPU=1 takes the machine's own GPU instead of SwiftShader. Exit codes: 0 done, 1 failed, 2 wrong arguments.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ensureDependencies } from './ensure-dependencies.mjs';

const USAGE = 'npm run bench -- --out FILE.json [--suite decode] [--rounds 4] [--tokens N]';
const LIMIT_MS = 20 * 60_000;

function readArguments() {
  const options = { out: 'string', suite: 'string', rounds: 'string', tokens: 'string', help: 'boolean' };
  try {
    const { values } = parseArgs({
      options: Object.fromEntries(Object.entries(options).map(([name, type]) => [name, { type }])),
    });
    if (values.help) {
      console.log(USAGE);
      process.exit(0);
    }
    if (!values.out) throw new Error('--out is missing: where should the result go?');
    if (values.suite && values.suite !== 'decode')
      throw new Error(`There is no suite "${values.suite}"; there is: decode.`);
    for (const name of ['rounds', 'tokens']) {
      const value = values[name];
      if (value && !/^[1-9]\d?$/.test(value)) throw new Error(`--${name} ${value}: a number from 1 to 99 is expected.`);
    }
    return values;
  } catch (error) {
    console.error(`${error.message}\n${USAGE}`);
    process.exit(2);
  }
}

const BROWSER_ARGS = [
  '--no-sandbox',
  '--enable-unsafe-webgpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  ...(process.env.GPU ? ['--enable-features=Vulkan'] : ['--use-webgpu-adapter=swiftshader']),
];

const { out, help: _, ...wanted } = readArguments();
ensureDependencies();
const { createServer } = await import('vite');
const { chromium } = await import('playwright');
const { findBrowser } = await import('./find-tools.mjs');

const root = fileURLToPath(new URL('..', import.meta.url));
const server = await createServer({ root, logLevel: 'error', server: { port: 0, hmr: false, watch: null } });
let browser;
try {
  await server.listen();
  browser = await chromium.launch({ executablePath: await findBrowser(), args: BROWSER_ARGS });
  const page = await browser.newPage();
  page.on('pageerror', (error) => console.error(error.message));
  page.on('console', (message) => console.error(message.text()));
  const query = new URLSearchParams({ suite: 'decode', autorun: '', ...wanted });
  await page.goto(`http://localhost:${server.httpServer.address().port}/bench.html?${query}`);
  const state = page.locator('body[data-state="done"], body[data-state="failed"]');
  await state.waitFor({ state: 'attached', timeout: LIMIT_MS });
  if ((await state.getAttribute('data-state')) === 'failed')
    throw new Error(await page.locator('[role="status"]').textContent());
  const result = JSON.parse(await page.locator('#json').textContent());
  writeFileSync(out, `${JSON.stringify(result, null, 2)}\n`);
  console.log(`adapter: ${result.adapter}`);
  console.table(result.suites.decode);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  await browser?.close();
  await server.close();
}
