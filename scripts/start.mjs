// `npm start`: the page with the embedded model on http://localhost:5173 (PORT changes it).
import { fileURLToPath } from 'node:url';
import { ensureDependencies } from './ensure-dependencies.mjs';

ensureDependencies();
const { createServer } = await import('vite');
const port = Number(process.env.PORT ?? 5173);
if (!Number.isInteger(port) || port < 1 || port > 65535) {
  console.error(`PORT is ${process.env.PORT}; a number from 1 to 65535 is expected.`);
  process.exit(2);
}
const server = await createServer({
  root: fileURLToPath(new URL('..', import.meta.url)),
  server: { port, strictPort: true },
});
try {
  await server.listen();
  console.log(`flamingo-web is at http://localhost:${port}/`);
} catch (error) {
  console.error(`Port ${port} cannot be used: ${error.message}. Type: PORT=${port + 1} npm start`);
  process.exit(1);
}
