import { expect, test } from 'vitest';
import { buildVision, type VisionConfig, visionPatches, visionTensors } from '../convert/graphs/vision';
import { floatToHalf, halfToFloat } from '../core/half';
import { encodePixels } from '../reference/model/vision';
import { uniform } from '../reference/random';
import { graphFiles } from '../testing/ort-model';
import { tinyConfig } from '../testing/tiny-model';
import { VisionEncoder } from './encoder';

const configs: Record<string, VisionConfig> = {
  'patch 8, QuickGELU': {
    imageSize: 32,
    patch: 8,
    width: 24,
    layers: 2,
    heads: 3,
    inner: 50,
    activation: 'quick-gelu',
    eps: 1e-5,
  },
  'patch 5, GELU, one head': {
    imageSize: 35,
    patch: 5,
    width: 20,
    layers: 3,
    heads: 1,
    inner: 80,
    activation: 'gelu',
    eps: 1e-6,
  },
  'no norm before, one after, class token kept': {
    imageSize: 24,
    patch: 8,
    width: 16,
    layers: 1,
    heads: 2,
    inner: 40,
    activation: 'gelu-tanh',
    eps: 1e-5,
    preNorm: false,
    postNorm: true,
    keepClass: true,
  },
};
const cases = Object.keys(configs).flatMap((name) => (['f32', 'f16'] as const).map((type) => [name, type] as const));

function randomVision(config: VisionConfig, type: 'f32' | 'f16') {
  const values = new Map<string, Float32Array>();
  visionTensors(config).forEach(([name, shape], i) => {
    const length = shape.reduce((a, b) => a * b, 1);
    const centre = /norm\w*\.weight$/.test(name) ? 1 : 0;
    const spread = shape.length > 1 ? 1 / Math.sqrt(length / shape[0]) : 0.3;
    const exact = uniform(length, centre - spread, centre + spread, i + 1);
    values.set(name, type === 'f16' ? exact.map((value) => halfToFloat(floatToHalf(value))) : exact);
  });
  return values;
}

test.each(cases)('%s, %s: the features equal the f64 reference', async (name, type) => {
  const config = configs[name];
  const values = randomVision(config, type);
  const plan = buildVision(config, type);
  const types = new Map(plan.weights.map((slot) => [slot.name, slot.type]));
  const read = async (weight: string) => {
    const stored = values.get(weight)!;
    return new Uint8Array(
      types.get(weight) === 'f16' ? Uint16Array.from(stored, floatToHalf).buffer : stored.slice().buffer,
    );
  };
  const { model, data } = await graphFiles(plan, { read });
  const { imageSize: S, width } = config;
  const vision = { width, patches: visionPatches(config), imageSize: S };
  const encoder = await VisionEncoder.load(model, data, tinyConfig({ vision }));
  const pixels = uniform(2 * 3 * S * S, -2, 2);
  const features = await encoder.encode(pixels, 2);
  const expected = [0, 1].flatMap((frame) =>
    encodePixels(
      config,
      (weight) => Float64Array.from(values.get(weight)!),
      pixels.subarray(frame * 3 * S * S, (frame + 1) * 3 * S * S),
    ).flat(),
  );
  expect(features.length).toBe(expected.length);
  expect(Math.max(...expected.map((value, i) => Math.abs(value - features[i])))).toBeLessThan(1e-4);
  expect(encoder.runs).toBe(2);
  await expect(encoder.encode(pixels, 1)).rejects.toMatchObject({ code: 'shape-mismatch' });
  await encoder[Symbol.asyncDispose]();
});
