import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { openFile } from './file-node';
import { openSafetensors } from './safetensors';
import { openTorch } from './torch-zip';

const goldens = fileURLToPath(new URL('../../e2e/goldens/', import.meta.url));

describe('checkpoints of the goldens', () => {
  it('reads a wrapped bf16 delta', async () => {
    const { source } = await openTorch(await openFile(`${goldens}of-mpt1b/checkpoint.pt`));
    const latents = source.tensors.get('model_state_dict/module.perceiver.latents');
    expect(latents).toMatchObject({ dtype: 'bf16', shape: [64, 48] });
    const values = await source.read('model_state_dict/module.perceiver.latents');
    expect(values).toHaveLength(64 * 48);
    expect(values.every((value) => Math.abs(value) < 6)).toBe(true);
    expect(await source.readRows('model_state_dict/module.perceiver.latents', 3, 5)).toEqual(
      values.slice(3 * 48, 5 * 48),
    );
  });

  it.each(['of-opt/lm/pytorch_model.bin', 'of-neox/clip/open_clip_pytorch_model.bin', 'of-neox/checkpoint.pt'])(
    'reads %s',
    async (path) => {
      expect(existsSync(goldens + path)).toBe(true);
      const { source } = await openTorch(await openFile(goldens + path));
      expect(source.tensors.size).toBeGreaterThan(10);
      for (const [name, { shape }] of source.tensors) {
        const values = await source.read(name);
        expect(values, name).toHaveLength(shape.reduce((a, b) => a * b, 1));
        expect(values.every(Number.isFinite), name).toBe(true);
      }
    },
  );

  it('reads safetensors', async () => {
    const source = await openSafetensors(await openFile(`${goldens}of-llama/lm/model.safetensors`));
    expect(source.tensors.get('model.embed_tokens.weight')?.shape[1]).toBe(64);
    for (const name of source.tensors.keys()) expect((await source.read(name)).every(Number.isFinite), name).toBe(true);
  });
});
