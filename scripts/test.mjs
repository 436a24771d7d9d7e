// `npm test`: everything that a change must pass; `npm test -- --deep` the deep tier too. The last line is `N passed, N failed` over all tiers.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureDependencies } from './ensure-dependencies.mjs';

ensureDependencies();
const { findBrowser } = await import('./find-tools.mjs');
const { testDeep } = await import('./test-deep.mjs');
const { testGpu } = await import('./test-gpu.mjs');
const { runVitest } = await import('./run-vitest.mjs');
const root = fileURLToPath(new URL('..', import.meta.url));

/** A tool that only says yes or no counts as one test. */
function check(command, args) {
  const { status } = spawnSync('npx', [command, ...args], { cwd: root, stdio: 'inherit' });
  return status === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

async function endToEnd() {
  const browser = await findBrowser();
  const report = join(tmpdir(), `flamingo-playwright-${process.pid}.json`);
  const { status } = spawnSync('npx', ['playwright', 'test', '--reporter=dot,json'], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, CHROMIUM_PATH: browser, PLAYWRIGHT_JSON_OUTPUT_FILE: report },
  });
  try {
    const { stats } = JSON.parse(readFileSync(report, 'utf8'));
    const failed = stats.unexpected + (status !== 0 && stats.unexpected === 0 ? 1 : 0);
    return { passed: stats.expected + stats.flaky, failed };
  } catch (error) {
    console.error(`playwright gave no result (status ${status}): ${error.message}`);
    return { passed: 0, failed: 1 };
  } finally {
    rmSync(report, { force: true });
  }
}

const TIERS = {
  types: () => check('tsc', ['--noEmit']),
  lint: () => check('biome', ['check', '--error-on-warnings', '.']),
  deps: () => check('depcruise', ['--config', '.dependency-cruiser.cjs', 'src']),
  unit: () => runVitest(['--project', 'unit']),
  gpu: () => testGpu(),
  e2e: endToEnd,
  ...(process.argv.includes('--deep') ? { deep: testDeep } : {}),
};

const totals = { passed: 0, failed: 0 };
const summary = [];
for (const [name, run] of Object.entries(TIERS)) {
  console.log(`\n=== ${name}`);
  const started = Date.now();
  let result;
  try {
    result = await run();
  } catch (error) {
    console.error(error.message);
    result = { passed: 0, failed: 1 };
  }
  totals.passed += result.passed;
  totals.failed += result.failed;
  summary.push(
    `${name}: ${result.passed} passed, ${result.failed} failed, ${((Date.now() - started) / 1000).toFixed(0)} s`,
  );
}
console.log(`\n${summary.join('\n')}`);
console.log(`${totals.passed} passed, ${totals.failed} failed`);
process.exit(totals.failed > 0 ? 1 : 0);
