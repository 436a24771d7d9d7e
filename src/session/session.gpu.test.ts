import { afterAll, beforeAll, it } from 'vitest';
import { expectAttention, expectOptionsHold } from '../testing/answer-case';
import { goldenModel } from '../testing/golden-model';
import { isDeep } from '../testing/parity';
import { testDevice } from '../testing/test-device';
import type { LoadedParts } from './load-with';

// Every option is a pipeline or two: on drivers that compile them anew the deep tier tries them all. The kernels behind them are tested on every driver.
const { f16 } = await testDevice({ f16: true, subgroups: true });

let model: LoadedParts;
beforeAll(async () => {
  model = await goldenModel('of-neox', 'webgpu');
});
afterAll(() => model[Symbol.asyncDispose]());

it('an answer shows where it looked, and can be made not to look', () => expectAttention(model, 'of-neox'));

if (f16 || isDeep()) it('an answer follows every option', () => expectOptionsHold(model, 'of-neox'));
