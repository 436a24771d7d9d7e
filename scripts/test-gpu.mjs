// `npm run test:gpu [-- FILTER]`: the kernels and the engine on every Vulkan driver found. Each lane keeps one core busy, so they run side by side.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureDependencies } from './ensure-dependencies.mjs';
import { findDrivers } from './find-tools.mjs';
import { runVitest } from './run-vitest.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Runs the lanes and gives their counts; a lane's output is printed when it ends. */
export async function testGpu(filters = []) {
  const lanes = Object.entries(findDrivers());
  for (const [name, icd] of lanes) console.log(`lane ${name}: ${icd ?? 'no such device here'}`);
  const counts = await Promise.all(lanes.filter(([, icd]) => icd).map(([name, icd]) => runLane(name, icd, filters)));
  return counts.reduce((a, b) => ({ passed: a.passed + b.passed, failed: a.failed + b.failed }));
}

async function runLane(name, icd, filters) {
  const counts = await runVitest(['--project', 'gpu', ...filters], {
    label: `lane ${name}`,
    // lavapipe compiles slowly; Mesa keeps what it compiled.
    env: { VK_DRIVER_FILES: icd, MESA_SHADER_CACHE_DIR: join(root, '.cache', 'mesa') },
  });
  console.log(`lane ${name}: ${counts.passed} passed, ${counts.failed} failed`);
  return counts;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  ensureDependencies();
  const { passed, failed } = await testGpu(process.argv.slice(2));
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed > 0 || passed === 0 ? 1 : 0);
}
