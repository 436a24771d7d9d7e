import { defineConfig } from 'vite';

// Isolation headers let onnxruntime-web use threads; the page also works without them, on one thread.
const isolation = { 'Document-Isolation-Policy': 'isolate-and-require-corp' };

export default defineConfig({
  base: './',
  server: { headers: isolation },
  preview: { headers: isolation },
  worker: { format: 'es' },
  build: { target: 'esnext', rollupOptions: { input: { index: 'index.html', bench: 'bench.html' } } },
});
