// What the browser tests visit: a model converted from a golden; the development server with isolation headers on port 5180; and what
// `vite build` makes, as a plain static host would serve it: under a sub-path, without isolation headers, on port 5181.
import { execFileSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build, createServer, preview } from 'vite';
import { buildLibrary } from '../scripts/build.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const cache = `${root}.cache/e2e`;
const model = `${cache}/model`;
const site = `${cache}/site`;

execFileSync(
  process.execPath,
  ['scripts/cli.mjs', 'convert', '--model', 'e2e/goldens/of-opt', '--out', model, '--force'],
  {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  },
);

const dev = await createServer({
  root,
  cacheDir: `${cache}/vite`,
  logLevel: 'warn',
  server: { port: 5180, strictPort: true, hmr: false, watch: null },
});
await dev.listen();

rmSync(site, { recursive: true, force: true });
await build({ root, logLevel: 'warn', build: { outDir: site, emptyOutDir: true, reportCompressedSize: false } });
await buildLibrary(`${site}/flamingo-web`);
cpSync(model, `${site}/models/e2e`, { recursive: true });

// No configuration file: its isolation headers are what is left out here. Weights go out as they are, as from other hosts: see vite.config.ts.
await preview({
  root,
  configFile: false,
  plugins: [
    {
      name: 'weights-as-they-are',
      configurePreviewServer: ({ middlewares }) => {
        middlewares.use((request, _response, next) => {
          if (/\.onnx/.test(request.url)) delete request.headers['accept-encoding'];
          next();
        });
      },
    },
  ],
  appType: 'mpa',
  base: '/apps/flamingo/',
  build: { outDir: site },
  preview: { port: 5181, strictPort: true },
});
