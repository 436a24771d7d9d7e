import { afterAll, beforeAll, describe, it } from 'vitest';
import { expectAttention, expectOptionsHold, expectRollout } from '../testing/answer-case';
import { goldenModel } from '../testing/golden-model';
import { isDeep } from '../testing/parity';
import type { LoadedParts } from './load-with';

// Every option is a pipeline or two that drivers compile for long: a part of the deep tier. The kernels behind them are tested in `npm test`.
describe.runIf(isDeep())('whole answers', () => {
  let model: LoadedParts;
  beforeAll(async () => {
    model = await goldenModel('of-neox', 'webgpu');
  });
  afterAll(() => model[Symbol.asyncDispose]());

  it('follow every option', () => expectOptionsHold(model, 'of-neox'));

  it('lead to patches where that is asked for', () => expectRollout(model, 'of-neox'));

  it('show where they looked, and can be made not to look', () => expectAttention(model, 'of-neox'));
});
