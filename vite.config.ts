import { existsSync } from 'node:fs';
import { defineConfig, type Plugin } from 'vite';

// Isolation headers let onnxruntime-web use threads; the page also works without them, on one thread.
const isolation = { 'Document-Isolation-Policy': 'isolate-and-require-corp' };

/** `vite preview` would squeeze weights, which gives 8 % and takes seconds; hosts leave such files as they are. */
const weightsAsTheyAre: Plugin = {
  name: 'weights-as-they-are',
  configurePreviewServer: ({ middlewares }) => {
    middlewares.use((request, _response, next) => {
      if (/\.onnx/.test(request.url ?? '')) delete request.headers['accept-encoding'];
      next();
    });
  },
};

const pages = { index: 'index.html', bench: 'bench.html' };

export default defineConfig({
  appType: 'mpa', // what is not there is a 404, not the page again
  base: './', // the build works under any path
  plugins: [weightsAsTheyAre],
  server: { headers: isolation },
  preview: { headers: isolation },
  worker: { format: 'es' },
  // Named here because they are first imported by the worker: found late, they would make the page reload while someone uses it.
  // onnxruntime-web finds its wasm beside its own module, so it has to stay where it is.
  optimizeDeps: {
    include: [
      'lit',
      'lit/directive.js',
      'lit/directives/repeat.js',
      'mediabunny',
      'streaming-markdown',
      'valibot',
      '@huggingface/tokenizers',
      '@bufbuild/protobuf/wire',
    ],
    exclude: ['onnxruntime-web'],
  },
  build: {
    target: 'esnext',
    rollupOptions: { input: Object.fromEntries(Object.entries(pages).filter(([, file]) => existsSync(file))) },
  },
});
