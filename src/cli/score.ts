import { FlamingoError } from '../core/errors';
import { checkedLabels } from '../eval/items';
import { loadFolder } from '../session/load-node';
import { readRequests } from './requests';
import { runRequest, VisualCache } from './run-request';

export interface ScoreResult {
  /** Candidates, the likeliest first. */
  ranked: { text: string; ids: number[]; sum: number; mean: number; probability: number }[];
  label: string;
}

/** `flamingo-web score`: log-likelihoods of each request's candidates after its prompt, which is run once. Throws `invalid-option` for a request without candidates. */
export async function scoreRequests(options: {
  package: string;
  requests: string;
  by: 'sum' | 'mean';
  executor: 'auto' | 'webgpu' | 'wasm';
  onRequest?: (id: string) => void;
}): Promise<Record<string, ScoreResult>> {
  const { requests, resolve } = await readRequests(options.requests);
  for (const { id, candidates } of requests) {
    if (candidates) checkedLabels(candidates, `${options.requests}: ${id}: candidates`);
    else throw noCandidates(options.requests, id);
  }
  await using model = await loadFolder(options.package, { executor: options.executor });
  using cache = new VisualCache(model);
  const results: Record<string, ScoreResult> = {};
  for (const request of requests) {
    const asked = { ...request, outputs: [], generate: undefined, beams: undefined };
    const { candidates = [] } = (await runRequest(model, cache, asked, resolve)).result;
    const largest = Math.max(...candidates.map((each) => each[options.by]));
    const powers = candidates.map((each) => Math.exp(each[options.by] - largest));
    const total = powers.reduce((sum, power) => sum + power, 0);
    const ranked = candidates
      .map(({ text, ids, sum, mean }, i) => ({ text, ids, sum, mean, probability: powers[i] / total }))
      .sort((a, b) => b[options.by] - a[options.by]);
    results[request.id] = { label: ranked[0].text, ranked };
    options.onRequest?.(request.id);
  }
  return results;
}

function noCandidates(path: string, id: string): FlamingoError {
  return new FlamingoError('invalid-option', `${path}: ${id} has 0 candidates; score needs at least 1.`, {
    hint: 'Add "candidates": ["yes", "no"] to the request, or use run.',
    details: { path, id },
  });
}
