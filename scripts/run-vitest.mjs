// Runs vitest and counts: shared by the tiers that use it.
import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
let runs = 0;

/**
 * Runs vitest and reads its counts from its JSON report. A runner that dies without one counts as a failure.
 * `label` keeps the output back and prints it at once under that name, for runs beside others.
 */
export async function runVitest(args, { env = {}, label } = {}) {
  const report = join(tmpdir(), `flamingo-vitest-${process.pid}-${++runs}.json`);
  const child = spawn(
    'npx',
    ['vitest', 'run', ...args, '--reporter=dot', '--reporter=json', `--outputFile.json=${report}`],
    { cwd: root, stdio: label ? ['ignore', 'pipe', 'pipe'] : 'inherit', env: { ...process.env, ...env } },
  );
  const output = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data) => output.push(data));
  const status = await new Promise((resolve) => {
    child.on('error', () => resolve('not started'));
    child.on('close', resolve);
  });
  if (label) process.stdout.write(`\n--- ${label}\n${Buffer.concat(output)}`);
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
