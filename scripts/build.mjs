// `npm run build`: dist/ is the page as static files; dist/lib the library and the element; dist/cli the command line for Node.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ensureDependencies } from './ensure-dependencies.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

/** ES modules with the worker and the wasm files beside them; any path, any static host. */
export async function buildLibrary(outDir) {
  const { build } = await import('vite');
  await build({
    root,
    configFile: false,
    logLevel: 'warn',
    publicDir: false,
    base: './',
    worker: { format: 'es' },
    build: {
      outDir,
      target: 'esnext',
      modulePreload: false,
      reportCompressedSize: false,
      rollupOptions: {
        input: { index: 'src/index.ts', element: 'src/ui/flamingo-chat.ts' },
        preserveEntrySignatures: 'strict',
        output: { entryFileNames: '[name].js', chunkFileNames: 'parts/[name]-[hash].js' },
      },
    },
  });
}

async function buildCommandLine(outDir) {
  const { build } = await import('vite');
  await build({
    root,
    configFile: false,
    logLevel: 'warn',
    publicDir: false,
    build: {
      outDir,
      target: 'node20',
      ssr: true,
      rollupOptions: { input: { 'flamingo-web': 'src/cli/bin.ts' }, output: { entryFileNames: '[name].js' } },
    },
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  ensureDependencies();
  const { build } = await import('vite');
  await build({ root, logLevel: 'warn' });
  await buildLibrary('dist/lib');
  await buildCommandLine('dist/cli');
  const windows = process.platform === 'win32';
  const types = spawnSync('npx', ['tsc', '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit', shell: windows });
  process.exitCode = types.status ?? 1;
}
