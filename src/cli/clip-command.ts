import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ClipResult, runClip } from './clip';
import type { Command } from './command';

export const clipCommand: Command = {
  name: 'clip',
  usage: 'clip PACKAGE REQUESTS.json [--out DIR]',
  summary: 'Classify pictures by prompts, and match pictures and texts, by CLIP itself.',
  options: { out: { type: 'string', help: 'folder for clip.json' } },
  positionals: ['PACKAGE', 'REQUESTS.json'],
  async run({ text, positionals: [folder, requests], progress }) {
    const results = await runClip({ package: folder, requests, onRequest: (id) => progress(`done: ${id}`) });
    const out = text('out');
    if (out !== undefined) {
      await mkdir(out, { recursive: true });
      await writeFile(join(out, 'clip.json'), `${JSON.stringify(results, null, 1)}\n`);
    }
    const lines = Object.entries(results).flatMap(([id, result]) => [`${id}:`, ...linesOf(result)]);
    return { json: results, lines: [...lines, ...(out ? [`Written to ${out}.`] : [])] };
  },
};

function linesOf(result: ClipResult): string[] {
  const images = result.images.flatMap(({ image, ranked }) => [`  ${image}`, ...matches(ranked)]);
  const texts = 'texts' in result ? result.texts : [];
  return [...images, ...texts.flatMap(({ text, ranked }) => [`  ${JSON.stringify(text)}`, ...matches(ranked)])];
}

function matches(ranked: readonly ({ similarity: number; probability: number } & Record<string, unknown>)[]): string[] {
  return ranked.map(({ similarity, probability, ...name }) => {
    const share = (100 * probability).toFixed(1).padStart(5);
    return `    ${share} %  cosine ${similarity.toFixed(4)}  ${Object.values(name).join()}`;
  });
}
