// `node scripts/measure-convert-memory.mjs [--shape llama-2g] [--dtype q4] [--keep-under MB]`: converts a synthetic checkpoint in a child process and fails when its
// peak memory is above the limit (MB). Linux only: the peak is the kernel's own (VmHWM). The default, 2 GB, is part of the deep tier; `--shape 9b` is a sparse
// file of 16 GB, takes minutes and 5 GB of disk, and is run by hand.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { SHAPE_NAMES, writeCheckpoint } from './synthetic-checkpoint.mjs';

const { values: options } = parseArgs({
  options: {
    shape: { type: 'string', default: 'llama-2g' },
    dtype: { type: 'string', default: 'q4' },
    'keep-under': { type: 'string' },
  },
});
if (!SHAPE_NAMES.includes(options.shape)) throw new Error(`--shape is one of ${SHAPE_NAMES.join(', ')}`);
/** 1.5 GiB for a model of any size. */
const limit = Number(options['keep-under'] ?? (options.shape === 'llama-2g' ? 700 : 1610));
const root = fileURLToPath(new URL('..', import.meta.url));

/** Runs the converter; its peak resident memory in MB is read while it lives. */
function convert(folder) {
  const args = ['scripts/cli.mjs', 'convert', '--model', folder, '--out', join(folder, 'package')];
  const child = spawn(process.execPath, [...args, '--dtype', options.dtype], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  let peak = 0;
  const timer = setInterval(() => {
    try {
      const [, kilobytes] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'));
      peak = Math.max(peak, (Number(kilobytes) * 1024) / 1e6);
    } catch {
      // it has ended
    }
  }, 20);
  return new Promise((resolve) => {
    child.on('exit', (code) => {
      clearInterval(timer);
      resolve({ code, peak });
    });
  });
}

const folder = mkdtempSync(join(tmpdir(), 'flamingo-memory-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));
const size = writeCheckpoint(folder, options.shape, { sparse: options.shape !== 'llama-2g' });
const started = Date.now();
const { code, peak } = await convert(folder);
const seconds = (Date.now() - started) / 1000;
const passed = code === 0 && peak > 0 && peak <= limit;
console.log(
  `${(size / 1e9).toFixed(2)} GB to ${options.dtype} in ${seconds.toFixed(1)} s, peak memory ${peak.toFixed(0)} MB (limit ${limit} MB)${code === 0 ? '' : `, exit code ${code}`}`,
);
console.log(passed ? '1 passed, 0 failed' : '0 passed, 1 failed');
process.exit(passed ? 0 : 1);
