import { join } from 'node:path';
import { describe, test } from 'vitest';
import { CHECKPOINTS } from '../testing/checkpoints/cases';
import { writeFlamingo } from '../testing/checkpoints/flamingo';
import { expectSameModel } from '../testing/checkpoints/same-model';
import { framesOf, WHOLE_CHECKPOINTS } from '../testing/checkpoints/whole-cases';
import { isDeep } from '../testing/parity';
import { inTemporaryFolder } from '../testing/temporary-folder';
import { convert } from './convert';

// Every checkpoint compiles pipelines of its own, for which drivers take long: a part of the deep tier. `npm test` runs them all on wasm (families.test.ts).
describe.runIf(isDeep())('the WGSL engine gives what the reference gives', () => {
  test.each(Object.entries(CHECKPOINTS))('%s', async (_, spec) => {
    await inTemporaryFolder(async (folder) => {
      const source = await writeFlamingo(join(folder, 'source'), spec);
      const out = join(folder, 'package');
      await convert({ model: source.folder, out, dtype: 'f32' });
      await expectSameModel(out, source, (spec.resampler.frames ?? 0) + 1, 'webgpu');
    });
  });

  // Kernels that no other checkpoint reaches: norms of q and k, gates per channel, squared ReLU.
  const whole = Object.entries(WHOLE_CHECKPOINTS).filter(([name]) => /norms of q|squared/.test(name));

  test.each(whole)('%s', async (_, write) => {
    await inTemporaryFolder(async (folder) => {
      const source = await write(join(folder, 'source'));
      const out = join(folder, 'package');
      await convert({ model: source.folder, out, dtype: 'f32' });
      await expectSameModel(out, source, framesOf(source), 'webgpu');
    });
  });
});
