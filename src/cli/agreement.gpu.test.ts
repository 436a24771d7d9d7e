import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WeightType } from '../core/dtypes';
import { WgslExecutor } from '../model/engine';
import { graphWeights, openOrt } from '../session/open-engine';
import {
  type GoldenPackage,
  type GoldenPrompt,
  goldenPackage,
  goldenPrompt,
  promptLogits,
} from '../testing/golden-package';
import { FAMILIES, isDeep } from '../testing/parity';
import { testDevice } from '../testing/test-device';

/** Both executors compute in f32 from the same stored weights; only the order of sums differs. */
const SAME_PACKAGE = 1e-3;
/** f16 keeps 11 bits of each weight, and with shader-f16 of each activation: 5 % of the logits' spread is asked for. */
const HALF = 0.05;

async function onWgsl({ manifest, graphs }: GoldenPackage, prompt: GoldenPrompt, elem: 'f32' | 'f16', closed = false) {
  const gpu = await testDevice({ f16: elem === 'f16', subgroups: true });
  using engine = WgslExecutor.create(gpu, manifest.config, manifest.dtype, { elem });
  const { read } = graphWeights(graphs);
  const shut = async (name: string) => (name.endsWith('_gate') ? (await read(name)).map(() => 0) : await read(name));
  await engine.load({ read: closed ? shut : read });
  return await promptLogits(engine, manifest, prompt);
}

async function onOrt({ manifest, graphs }: GoldenPackage, prompt: GoldenPrompt) {
  using engine = await openOrt(manifest, graphs);
  return await promptLogits(engine, manifest, prompt);
}

const worst = (a: Float32Array, b: Float32Array) =>
  a.reduce((max, value, i) => Math.max(max, Math.abs(value - b[i])), 0);

function spread(values: Float32Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

// All types where activations may be f16 too: one family in `npm test`, the others in the deep tier. Other drivers run one type: parity.gpu.test.ts runs every
// family on them in f32, the kernels' tests every storage type, and SwiftShader takes minutes to compile the rest.
const { f16 } = await testDevice({ f16: true, subgroups: true });
const soon = ['of-llama'];
const families = isDeep() && f16 ? FAMILIES.filter((family) => !soon.includes(family)) : soon;
const dtypes: WeightType[] = f16 ? ['f16', 'q8', 'q4'] : ['q4'];

describe.each(families)('%s', (family) => {
  let prompt: GoldenPrompt;
  const packages = new Map<WeightType, GoldenPackage>();
  let halfLogits: Promise<Float32Array>; // asked for by two of the tests

  beforeAll(async () => {
    prompt = await goldenPrompt(family);
    for (const dtype of dtypes) packages.set(dtype, await goldenPackage(family, dtype));
    if (f16) halfLogits = onWgsl(packages.get('f16')!, prompt, 'f32');
  });
  afterAll(() => packages.clear());

  const computedInSingle = (dtype: WeightType) =>
    dtype === 'f16' ? halfLogits : onWgsl(packages.get(dtype)!, prompt, 'f32');

  it.each(dtypes)('%s: both executors agree on the same package', async (dtype) => {
    const wgsl = await computedInSingle(dtype);
    expect(wgsl.length).toBe(prompt.logits.length);
    expect(worst(wgsl, await onOrt(packages.get(dtype)!, prompt))).toBeLessThanOrEqual(SAME_PACKAGE);
  });

  if (!f16) return;

  it('f16 weights stay near upstream’s f32 logits', async () => {
    expect(worst(await halfLogits, prompt.logits)).toBeLessThanOrEqual(HALF * spread(prompt.logits));
  });

  it('f16 weights and activations too', async () => {
    const logits = await onWgsl(packages.get('f16')!, prompt, 'f16');
    expect(worst(logits, prompt.logits)).toBeLessThanOrEqual(HALF * spread(prompt.logits));
  });

  it('with all gates at 0 it is upstream’s language model', async () => {
    if (!prompt.closed) return expect(family).toBe('of-video'); // the one golden without it
    const logits = await onWgsl(await goldenPackage(family, 'f32'), prompt, 'f32', true);
    expect(worst(logits, prompt.closed)).toBeLessThanOrEqual(1e-3);
  });
});
