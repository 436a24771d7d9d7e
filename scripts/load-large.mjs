// `node scripts/load-large.mjs PACKAGE [--tokens 4] [--no-picture]`: loads a converted model in the page, in headless Chromium, has it answer with a few tokens, and fails when
// the GPU bytes are not those of src/format/memory.ts. GPU=1 takes the machine's own GPU instead of SwiftShader. Run by hand: a model of 3B takes many minutes there.
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ensureDependencies } from './ensure-dependencies.mjs';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { tokens: { type: 'string', default: '4' }, 'no-picture': { type: 'boolean', default: false } },
});
const folder = resolve(positionals[0] ?? '');
const manifest = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8'));
/** Buffers beside weights and caches that the formula leaves out. */
const SCRATCH_BYTES = 256 * 2 ** 20;
/** Tables made at load (rotary factors, slopes), and the smallest buffer that the GPU layer makes. */
const TABLE_BYTES = 2 ** 20;

ensureDependencies();
const { createServer } = await import('vite');
const { chromium } = await import('playwright');
const { findBrowser } = await import('./find-tools.mjs');

const root = fileURLToPath(new URL('..', import.meta.url));
const server = await createServer({ root, logLevel: 'error', server: { port: 0, hmr: false, watch: null } });
server.middlewares.use('/large/', (request, response, next) => {
  const path = join(folder, decodeURIComponent(new URL(request.url, 'http://x').pathname));
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return next();
  response.setHeader('content-length', statSync(path).size);
  createReadStream(path).pipe(response);
});
// Vite answers unknown paths with the page itself, so ours has to come first.
server.middlewares.stack.unshift(server.middlewares.stack.pop());

async function measure() {
  await server.listen();
  const { memoryNeed } = await server.ssrLoadModule('/src/format/memory.ts');
  const { defaultCapacity } = await server.ssrLoadModule('/src/session/default-capacity.ts');
  const { config, dtype } = manifest;
  // The picture cache has four slots at first, and a session room for its default capacity.
  const need = memoryNeed(config, dtype, defaultCapacity(config.contextLength), 4);
  const adapter = process.env.GPU ? '--enable-features=Vulkan' : '--use-webgpu-adapter=swiftshader';
  const args = ['--no-sandbox', '--enable-unsafe-webgpu', '--disable-background-networking', adapter];
  const browser = await chromium.launch({ executablePath: await findBrowser(), args });
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(0);
    page.on('pageerror', (error) => console.error(error.message));
    const started = Date.now();
    const port = server.httpServer.address().port;
    await page.goto(`http://localhost:${port}/?model=/large/&executor=webgpu`);
    const seconds = () => ((Date.now() - started) / 1000).toFixed(0);
    await page.evaluate(() => document.querySelector('flamingo-chat').ready);
    console.log(`ready after ${seconds()} s`);
    const { answer, stats } = await page.evaluate(answerIn, {
      tokens: Number(options.tokens),
      picture: !options['no-picture'],
    });
    console.log(`answered after ${seconds()} s: ${JSON.stringify(answer)}`);
    console.log(JSON.stringify(stats, null, 1));
    return compare(stats, need);
  } finally {
    await browser.close();
  }
}

/** Runs in the page. */
async function answerIn({ tokens, picture }) {
  const chat = document.querySelector('flamingo-chat');
  chat.maxTokens = tokens;
  const image = picture ? [{ type: 'image', value: await (await fetch('samples/red-circle.webp')).blob() }] : [];
  const answer = await chat.ask([...image, { type: 'text', value: 'abc' }]);
  return { answer, stats: await chat.stats() };
}

/** Measured bytes beside those of the formula. */
function compare({ gpuBytes, decodedTokens }, need) {
  const rows = ['weights', 'selfKv', 'mediaKv'].map((name) => ({
    name,
    formula: need[name],
    measured: gpuBytes[name],
    holds: gpuBytes[name] <= need[name] + TABLE_BYTES && gpuBytes[name] > 0,
  }));
  rows.push({
    name: 'scratch',
    formula: SCRATCH_BYTES,
    measured: gpuBytes.scratch,
    holds: gpuBytes.scratch <= SCRATCH_BYTES,
  });
  console.table(rows);
  return decodedTokens > 0 && rows.every(({ holds }) => holds);
}

let passed = false;
try {
  passed = await measure();
} catch (error) {
  console.error(error.message);
} finally {
  await server.close();
}
console.log(passed ? '1 passed, 0 failed' : '0 passed, 1 failed');
process.exit(passed ? 0 : 1);
