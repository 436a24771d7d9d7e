import { existsSync } from 'node:fs';
import { defineConfig } from 'vite';

// Isolation headers let onnxruntime-web use threads; the page also works without them, on one thread.
const isolation = { 'Document-Isolation-Policy': 'isolate-and-require-corp' };

const pages = { index: 'index.html', bench: 'bench.html' };

export default defineConfig({
  appType: 'mpa', // what is not there is a 404, not the page again
  base: './', // the build works under any path
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
