import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type WritableTensor, writeSafetensors } from '../format/safetensors-writer';
import { loadFolder } from '../session/load-node';
import { readRequests } from './requests';
import { type RunResult, runRequest, VisualCache } from './run-request';

export interface RunOptions {
  package: string;
  requests: string;
  out: string;
  executor: 'auto' | 'webgpu' | 'wasm';
  onRequest?: (id: string, result: RunResult) => void;
}

/** `flamingo-web run`: every request against a package; writes results.json and tensors.safetensors into `out`. */
export async function run(options: RunOptions): Promise<Record<string, RunResult>> {
  const { requests, resolve } = await readRequests(options.requests);
  await using model = await loadFolder(options.package, { executor: options.executor });
  using cache = new VisualCache(model);
  const results: Record<string, RunResult> = {};
  const tensors: WritableTensor[] = [];
  for (const request of requests) {
    const done = await runRequest(model, cache, request, resolve);
    results[request.id] = done.result;
    tensors.push(...done.tensors);
    options.onRequest?.(request.id, done.result);
  }
  await mkdir(options.out, { recursive: true });
  await writeFile(join(options.out, 'results.json'), `${JSON.stringify(results, null, 1)}\n`);
  await writeFile(join(options.out, 'tensors.safetensors'), writeSafetensors(tensors));
  return results;
}
