import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from './command';
import { EXECUTORS, oneOf } from './one-of';
import { scoreRequests } from './score';

export const scoreCommand: Command = {
  name: 'score',
  usage: 'score PACKAGE REQUESTS.json [--by sum|mean] [--out DIR] [--executor webgpu|wasm]',
  summary: 'Rank the candidates of each request by their log-likelihood.',
  options: {
    by: { type: 'string', help: 'sum of the log-probabilities (default), or mean per token' },
    out: { type: 'string', help: 'folder for scores.json' },
    executor: { type: 'string', help: `${EXECUTORS.join(', ')}; default auto` },
  },
  positionals: ['PACKAGE', 'REQUESTS.json'],
  async run({ text, positionals: [folder, requests], progress }) {
    const executor = oneOf('executor', text('executor') ?? 'auto', EXECUTORS);
    const by = oneOf('by', text('by') ?? 'sum', ['sum', 'mean'] as const);
    const onRequest = (id: string) => progress(`done: ${id}`);
    const results = await scoreRequests({ package: folder, requests, by, executor, onRequest });
    const out = text('out');
    if (out !== undefined) {
      await mkdir(out, { recursive: true });
      await writeFile(join(out, 'scores.json'), `${JSON.stringify(results, null, 1)}\n`);
    }
    const lines = Object.entries(results).flatMap(([id, { ranked }]) => [
      `${id}:`,
      ...ranked.map(({ text: label, sum, mean, probability }) => {
        const numbers = `sum ${sum.toFixed(4)}  mean ${mean.toFixed(4)}`;
        return `  ${(100 * probability).toFixed(1).padStart(5)} %  ${numbers}  ${JSON.stringify(label)}`;
      }),
    ]);
    return { json: results, lines: [...lines, ...(out ? [`Written to ${out}.`] : [])] };
  },
};
