import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { convert } from '../convert/convert';
import { openFile } from '../format/file-node';
import { openSafetensors } from '../format/safetensors';
import type { TensorSource } from '../format/tensor-source';
import { GOLDENS } from '../testing/parity';
import { inTemporaryFolder } from '../testing/temporary-folder';
import { run } from './run';

/** Runs a request on a golden model and gives its tensors. */
async function runGolden(
  family: string,
  request: { prompt: string; images: string[]; frames?: number; outputs: string[] },
  check: (tensors: TensorSource, shape: (name: string) => readonly number[]) => Promise<void>,
): Promise<void> {
  await inTemporaryFolder(async (folder) => {
    await convert({ model: GOLDENS + family, out: join(folder, 'package'), dtype: 'f32' });
    const images = request.images.map((image) => `${GOLDENS}${family}/images/${image}`);
    const asked = { ...request, images, id: 'it', generate: { max_new_tokens: 3 } };
    await writeFile(join(folder, 'requests.json'), JSON.stringify({ requests: [asked] }));
    const out = join(folder, 'results');
    await run({ package: join(folder, 'package'), requests: join(folder, 'requests.json'), out, executor: 'wasm' });
    await using tensors = await openSafetensors(await openFile(join(out, 'tensors.safetensors')));
    await check(tensors, (name) => tensors.tensors.get(`it/${name}`)?.shape ?? []);
  });
}

const rowsOf = (values: Float32Array, width: number) =>
  Array.from({ length: values.length / width }, (_, r) => [...values.subarray(r * width, (r + 1) * width)]);
const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

describe('rollout of a request', () => {
  test('of clips with class tokens: rows sum to 1 with theirs, and the first step is the last token of the prompt', async () => {
    const prompt = 'see <image> and';
    const images = ['00.png', '01.png', '02.png'];
    await runGolden(
      'mini-gpt2',
      { prompt, images, frames: 3, outputs: ['resampler_attention', 'rollout'] },
      async (got, shape) => {
        const [T, M, F, height, width] = shape('rollout');
        expect([M, F, height]).toEqual([1, 3, width]);
        const [, heads, n, keys] = shape('resampler_attention.0');
        expect(keys).toBe(F * (height * width + 1) + n);
        const probabilities = rowsOf(await got.read('it/resampler_attention.0'), keys);
        expect(probabilities).toHaveLength(heads * n);
        for (const row of probabilities) expect(Math.abs(sum(row) - 1)).toBeLessThan(1e-5);
        const rows = rowsOf(await got.read('it/rollout'), F * height * width);
        const classes = await got.read('it/rollout_class');
        const learned = await got.read('it/rollout_learned');
        const seen = rows.map((row, t) => sum(row) + classes[t]);
        const before = seen.filter((total) => total === 0).length;
        expect(before).toBeGreaterThan(0); // text before the clip
        for (const [t, total] of seen.entries()) {
          if (t >= before) expect(Math.abs(total - 1), `token ${t}`).toBeLessThan(1e-5);
          expect(learned[t] > 0).toBe(t >= before);
          expect(classes[t] > 0).toBe(t >= before);
        }
        expect(shape('generated_rollout').slice(1)).toEqual([M, F, height, width]);
        const [first] = rowsOf(await got.read('it/generated_rollout'), F * height * width);
        for (const [i, value] of first.entries()) expect(Math.abs(value - rows[T - 1][i])).toBeLessThan(1e-5);
      },
    );
  });

  test('without a resampler is the cross-attention by tiles and patches', async () => {
    const request = { prompt: '<|image|>What is it?', images: ['00.png'], outputs: ['attention', 'rollout'] };
    await runGolden('mllama', request, async (got, shape) => {
      const [T, M, tiles, height, width] = shape('rollout');
      expect([M, tiles]).toEqual([1, 4]);
      const [heads, , row] = shape('attention.0');
      expect(row).toBe(tiles * (height * width + 1));
      const layers = [await got.read('it/attention.0'), await got.read('it/attention.1')];
      const values = await got.read('it/rollout');
      for (let t = 0; t < T; t++) {
        const [tile, patch] = [0, 2];
        const seen = layers.flatMap((layer) =>
          Array.from({ length: heads }, (_, h) => layer[(h * T + t) * row + tile * (height * width + 1) + 1 + patch]),
        );
        const mean = sum(seen) / seen.length;
        expect(Math.abs(values[(t * tiles + tile) * height * width + patch] - mean), `token ${t}`).toBeLessThan(1e-6);
      }
      expect(values.some((value) => value > 0)).toBe(true);
    });
    const asked = runGolden('mllama', { ...request, outputs: ['resampler_attention'] }, async () => undefined);
    await expect(asked).rejects.toMatchObject({ code: 'unsupported' });
  });
});
