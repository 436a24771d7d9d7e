import { join } from 'node:path';
import { test } from 'vitest';
import { CHECKPOINTS } from '../testing/checkpoints/cases';
import { writeFlamingo } from '../testing/checkpoints/flamingo';
import { expectSameModel } from '../testing/checkpoints/same-model';
import { inTemporaryFolder } from '../testing/temporary-folder';
import { convert } from './convert';

test.each(Object.entries(CHECKPOINTS))('%s: the WGSL engine gives what the reference gives', async (_, spec) => {
  await inTemporaryFolder(async (folder) => {
    const source = await writeFlamingo(join(folder, 'source'), spec);
    const out = join(folder, 'package');
    await convert({ model: source.folder, out, dtype: 'f32' });
    await expectSameModel(out, source, spec.resampler.frames ?? 1, 'webgpu');
  });
});
