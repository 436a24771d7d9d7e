import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Manifest } from '../format/manifest';
import { CHECKPOINTS } from '../testing/checkpoints/cases';
import { type FlamingoCheckpoint, writeFlamingo } from '../testing/checkpoints/flamingo';
import { expectSameModel } from '../testing/checkpoints/same-model';
import { framesOf, WHOLE_CHECKPOINTS } from '../testing/checkpoints/whole-cases';
import { inTemporaryFolder } from '../testing/temporary-folder';
import { convert } from './convert';

/** A tensor behind the features, by layout of the tower. */
const LEFT_OUT = {
  open_clip: 'visual.proj',
  'hugging face': 'visual_projection.weight',
  timm: 'visual.trunk.attn_pool.latent',
};

test.each(Object.entries(CHECKPOINTS))('%s', { timeout: 60_000 }, async (_, spec) => {
  await inTemporaryFolder(async (folder) => {
    const source = await writeFlamingo(join(folder, 'source'), spec);
    const out = join(folder, 'package');
    const report = await convert({ model: source.folder, out, dtype: 'f32' });
    const manifest = JSON.parse(await readFile(join(out, 'model.json'), 'utf8')) as Manifest;
    expect(rounded(manifest.config)).toEqual(rounded(source.config));
    expect(manifest.prompt).toMatchObject({ imageTokenId: spec.tokens - 1, endOfChunkId: spec.tokens - 2 });
    expect(report.unused.map(({ name }) => name)).toContain(LEFT_OUT[spec.clip.layout]);
    // One frame more than the checkpoint has embeddings for: they are stretched.
    await expectSameModel(out, source, (spec.resampler.frames ?? 0) + 1, 'wasm');
  });
});

test.each(Object.entries(WHOLE_CHECKPOINTS))('%s', { timeout: 60_000 }, async (_, write) => {
  await inTemporaryFolder(async (folder) => {
    const source = await write(join(folder, 'source'));
    const out = join(folder, 'package');
    await convert({ model: source.folder, out, dtype: 'f32' });
    const { config } = JSON.parse(await readFile(join(out, 'model.json'), 'utf8')) as Manifest;
    expect(rounded(config)).toEqual(rounded(source.config));
    await expectSameModel(out, source, framesOf(source), 'wasm');
  });
});

/** Numbers to twelve digits: the last ones depend on the order of operations. */
function rounded(config: FlamingoCheckpoint['config']): unknown {
  const digits = (_: string, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(12)) : value);
  return JSON.parse(JSON.stringify(config, digits));
}
