// `npm run test:deep`: what takes minutes: all layouts on both drivers, sessions in random use, decoding beside onnxruntime-web, and the memory of a large conversion. The last line is `N passed, N failed`.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureDependencies } from './ensure-dependencies.mjs';
import { findDrivers } from './find-tools.mjs';
import { runVitest } from './run-vitest.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
/** How many times as fast as onnxruntime-web's WebGPU provider a decode step has to be. */
const SPEED = 3;

const node = (...args) => spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' }).status === 0;

function decodeIsFaster() {
  const out = join(tmpdir(), `flamingo-bench-${process.pid}.json`);
  if (!node('scripts/bench.mjs', '--out', out, '--suite', 'decode')) return false;
  const rows = JSON.parse(readFileSync(out, 'utf8')).suites.decode;
  rmSync(out);
  const ratios = ['f32', 'q4'].map((dtype) => {
    const time = (name) => rows.find((row) => row.name === name && row.dtype === dtype).ms_per_token;
    return time('onnxruntime-web') / time('flamingo-web');
  });
  console.log(
    `decode, onnxruntime-web / flamingo-web: ${ratios.map((ratio) => ratio.toFixed(1)).join(' (f32), ')} (q4)`,
  );
  return ratios.every((ratio) => ratio >= SPEED);
}

const CHECKS = {
  [`decode is ${SPEED} times as fast as onnxruntime-web on WebGPU`]: decodeIsFaster,
  '2 GB convert to q4 under 700 MB': () => node('scripts/measure-convert-memory.mjs'),
};

/** Runs the checks and gives their counts. */
export async function testDeep() {
  const { lavapipe, swiftshader } = findDrivers();
  const onLavapipe = { VK_DRIVER_FILES: lavapipe, MESA_SHADER_CACHE_DIR: join(root, '.cache', 'mesa') };
  const deep = { TEST_TIER: 'deep' };
  const runs = await Promise.all([
    runVitest(['--project', 'gpu', 'src/cli', 'src/convert', 'src/session'], {
      label: 'further layouts on lavapipe',
      env: { ...onLavapipe, ...deep },
    }),
    runVitest(['--project', 'gpu', 'src/cli/parity', 'src/session'], {
      label: 'further layouts on SwiftShader',
      env: { VK_DRIVER_FILES: swiftshader, ...deep },
    }),
  ]);
  runs.push(await runVitest(['--project', 'deep'], { env: onLavapipe }));
  const totals = { passed: 0, failed: 0 };
  for (const { passed, failed } of runs) {
    totals.passed += passed;
    totals.failed += failed;
  }
  for (const [name, check] of Object.entries(CHECKS)) {
    const passed = check();
    console.log(`${passed ? 'passed' : 'FAILED'}: ${name}`);
    totals[passed ? 'passed' : 'failed']++;
  }
  return totals;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  ensureDependencies();
  const { passed, failed } = await testDeep();
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed > 0 ? 1 : 0);
}
