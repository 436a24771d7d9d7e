import { expect, test } from 'vitest';
import { randomWeights } from '../reference/model/random-weights';
import { uniform } from '../reference/random';
import { modelFiles } from '../testing/ort-model';
import { tinyConfig } from '../testing/tiny-model';
import { OrtExecutor } from './executor';
import { ortRuntime } from './runtime';

const config = tinyConfig();

/** This file has a realm of its own, so one thread can be asked for here; other tests use all cores. */
test('runs on one thread when asked to, and is one runtime for all', async () => {
  const ort = await ortRuntime({ threads: 1 });
  expect(ort.threads).toBe(1);
  expect(await ortRuntime({ threads: 2 })).toBe(ort);
  const { resampler, decoder } = await modelFiles(config, 'f32', randomWeights(config, 'f32'));
  using executor = await OrtExecutor.load(config, resampler, decoder);
  expect(executor.adapter).toBe('CPU (wasm, 1 thread)');
  const { patches, width } = config.vision;
  const medium = await executor.encodeMedia(uniform(patches * width), 1);
  expect((await medium.latents()).every(Number.isFinite)).toBe(true);
});

test('says which graph does not load', async () => {
  const { resampler, decoder } = await modelFiles(config, 'f32', randomWeights(config, 'f32'));
  const cut = { ...decoder, model: decoder.model.slice(0, 1000) };
  const incomplete = { ...decoder, data: [{ path: decoder.data[0].path, data: decoder.data[0].data.slice(0, 1000) }] };
  for (const broken of [cut, incomplete, { ...decoder, data: [] }]) {
    await expect(OrtExecutor.load(config, resampler, broken)).rejects.toMatchObject({
      code: 'bad-file',
      message: expect.stringContaining('decoder.onnx'),
    });
  }
});
