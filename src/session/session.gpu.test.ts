import { afterAll, beforeAll, it } from 'vitest';
import { expectAttention, expectOptionsHold } from '../testing/answer-case';
import { goldenModel } from '../testing/golden-model';
import { testDevice } from '../testing/test-device';
import type { LoadedParts } from './load-with';

// On the driver with f16, which keeps what it compiled: these are whole answers of one model. The kernels behind them are tested on every driver.
const { f16 } = await testDevice({ f16: true, subgroups: true });

let model: LoadedParts;
beforeAll(async () => {
  if (f16) model = await goldenModel('of-neox', 'webgpu');
});
afterAll(async () => {
  if (f16) await model[Symbol.asyncDispose]();
});

it.runIf(f16)('an answer follows every option', () => expectOptionsHold(model, 'of-neox'));

it.runIf(f16)('an answer shows where it looked, and can be made not to look', () => expectAttention(model, 'of-neox'));
