import { join } from 'node:path';
import { test } from 'vitest';
import { CHECKPOINTS } from '../testing/checkpoints/cases';
import { writeFlamingo } from '../testing/checkpoints/flamingo';
import { expectSameModel } from '../testing/checkpoints/same-model';
import { framesOf, WHOLE_CHECKPOINTS } from '../testing/checkpoints/whole-cases';
import { isDeep } from '../testing/parity';
import { inTemporaryFolder } from '../testing/temporary-folder';
import { testDevice } from '../testing/test-device';
import { convert } from './convert';

// Every checkpoint compiles pipelines of its own: `npm test` has the two that differ most from the goldens, the deep tier all, on the driver with f16.
const { f16 } = await testDevice({ f16: true, subgroups: true });
const all = isDeep() && f16;
const cases = Object.entries(CHECKPOINTS).filter(([name]) => all || /MPT-1B|LLaMA, grouped/.test(name));

test.each(cases)('%s: the WGSL engine gives what the reference gives', async (_, spec) => {
  await inTemporaryFolder(async (folder) => {
    const source = await writeFlamingo(join(folder, 'source'), spec);
    const out = join(folder, 'package');
    await convert({ model: source.folder, out, dtype: 'f32' });
    await expectSameModel(out, source, (spec.resampler.frames ?? 0) + 1, 'webgpu');
  });
});

// Kernels that no other checkpoint reaches: norms of q and k, gates per channel, squared ReLU.
const whole = Object.entries(WHOLE_CHECKPOINTS).filter(([name]) => f16 && /norms of q|squared/.test(name));

test.each(whole)('%s: the WGSL engine gives what the reference gives', async (_, write) => {
  await inTemporaryFolder(async (folder) => {
    const source = await write(join(folder, 'source'));
    const out = join(folder, 'package');
    await convert({ model: source.folder, out, dtype: 'f32' });
    await expectSameModel(out, source, framesOf(source), 'webgpu');
  });
});
