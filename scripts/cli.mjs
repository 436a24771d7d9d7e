// `npm run -s cli -- COMMAND`: runs the command line from a checkout, without a build.
import { fileURLToPath } from 'node:url';
import { ensureDependencies } from './ensure-dependencies.mjs';

ensureDependencies();
const { createServer } = await import('vite');
const root = fileURLToPath(new URL('..', import.meta.url));
const server = await createServer({
  root,
  configFile: false,
  logLevel: 'error',
  appType: 'custom',
  oxc: { target: 'es2023' }, // Node 20 does not know `using`
  optimizeDeps: { noDiscovery: true },
  server: { middlewareMode: true, hmr: false, ws: false, watch: null },
});
try {
  const { main } = await server.ssrLoadModule('/src/cli/main.ts');
  process.exitCode = await main(process.argv.slice(2));
} finally {
  await server.close();
}
// Dawn and wasm threads keep the process alive; everything has been written by now.
process.exit();
