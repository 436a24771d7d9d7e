import { afterAll, beforeAll, describe, it } from 'vitest';
import { expectAttention, expectOptionsHold } from '../testing/answer-case';
import { goldenModel } from '../testing/golden-model';
import { isDeep } from '../testing/parity';
import { testDevice } from '../testing/test-device';
import type { LoadedParts } from './load-with';

// Every option is a pipeline or two: on drivers that compile them anew they belong to the deep tier. The kernels behind them are tested on every driver.
const { f16 } = await testDevice({ f16: true, subgroups: true });

describe.runIf(f16 || isDeep())('whole answers', () => {
  let model: LoadedParts;
  beforeAll(async () => {
    model = await goldenModel('of-neox', 'webgpu');
  });
  afterAll(() => model[Symbol.asyncDispose]());

  it('follow every option', () => expectOptionsHold(model, 'of-neox'));

  it('show where they looked, and can be made not to look', () => expectAttention(model, 'of-neox'));
});
