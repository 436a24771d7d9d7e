import { expect, it } from 'vitest';
import { isDeep } from '../testing/parity';
import { prefixModel, prefixScores } from '../testing/prefix-model';
import { testDevice } from '../testing/test-device';

// Vectors in the place of tokens are compared with the f64 reference on every driver (model/engine.gpu.test.ts); a whole golden model in the deep tier, on the one that has f16.
const { f16 } = await testDevice({ f16: true, subgroups: true });

it.runIf(f16 && isDeep())('a visual prefix is answered alike by both executors', { timeout: 120_000 }, async () => {
  const scores = async (executor: 'webgpu' | 'wasm') => {
    const { model } = await prefixModel(executor);
    await using session = await model.createSession({ capacity: 128 });
    const sums = await prefixScores(model, session);
    await model[Symbol.asyncDispose]();
    return sums;
  };
  const [gpu, cpu] = [await scores('webgpu'), await scores('wasm')];
  for (const [i, sum] of gpu.entries()) expect(Math.abs(sum - cpu[i])).toBeLessThan(1e-3);
});
