// Installs the dependencies when they are missing or older than the lock file, so that every npm command works in a fresh clone.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync, utimesSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

// `npm install`, not `npm ci`: npm 11 writes locks without the optional packages of other platforms, and its `ci` then refuses them.
export function ensureDependencies() {
  const lock = `${root}package-lock.json`;
  const installed = `${root}node_modules/.package-lock.json`;
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return;
  console.error('Installing dependencies …');
  const { status } = spawnSync('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (status !== 0) {
    console.error('npm install failed. Check the connection, then type: npm install');
    process.exit(1);
  }
  const now = new Date();
  utimesSync(installed, now, now);
}
