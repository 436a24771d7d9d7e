// `npm run test:gpu [-- FILTER]`: the kernels and the engine on every Vulkan driver found, one after the other.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureDependencies } from './ensure-dependencies.mjs';
import { findDrivers } from './find-tools.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Runs the lanes and gives their counts; output goes to the terminal. */
export function testGpu(filters = []) {
  const drivers = findDrivers();
  const totals = { passed: 0, failed: 0 };
  for (const [name, icd] of Object.entries(drivers)) {
    if (!icd) {
      console.log(`lane ${name}: no such device here`);
      continue;
    }
    console.log(`lane ${name}: ${icd}`);
    const { passed, failed } = runVitest(['--project', 'gpu', ...filters], {
      VK_DRIVER_FILES: icd,
      // lavapipe compiles slowly; Mesa keeps what it compiled.
      MESA_SHADER_CACHE_DIR: join(root, '.cache', 'mesa'),
    });
    console.log(`lane ${name}: ${passed} passed, ${failed} failed`);
    totals.passed += passed;
    totals.failed += failed;
  }
  return totals;
}

/** Runs vitest and reads its counts from its JSON report. A runner that dies without one counts as a failure. */
export function runVitest(args, env = {}) {
  const report = join(tmpdir(), `flamingo-vitest-${process.pid}-${Date.now()}.json`);
  const { status } = spawnSync(
    'npx',
    ['vitest', 'run', ...args, '--reporter=dot', '--reporter=json', `--outputFile.json=${report}`],
    {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, ...env },
    },
  );
  try {
    const { numPassedTests: passed, numFailedTests, numTotalTests, success } = JSON.parse(readFileSync(report, 'utf8'));
    const broken = !success && numFailedTests === 0 ? 1 : 0; // a file that did not load has no tests to count
    if (numTotalTests === 0) throw new Error('no test ran');
    return { passed, failed: numFailedTests + broken };
  } catch (error) {
    console.error(`vitest ${args.join(' ')} gave no result (status ${status}): ${error.message}`);
    return { passed: 0, failed: 1 };
  } finally {
    rmSync(report, { force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  ensureDependencies();
  const { passed, failed } = testGpu(process.argv.slice(2));
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed > 0 || passed === 0 ? 1 : 0);
}
