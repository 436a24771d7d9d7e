import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { convert } from '../convert/convert';
import type { WeightType } from '../core/dtypes';
import { openMediaShelf } from '../format/media-shelf';
import { folderFiles } from '../format/package-files-node';
import { decodeImage } from '../media/decode-node';
import { mediaPixels } from '../media/pixels';
import { example, goldenPicture, sums } from '../testing/golden-model';
import { MemoryFolder, storageOf } from '../testing/memory-folder';
import { GOLDENS } from '../testing/parity';
import { mkTemporaryFolder } from '../testing/temporary-folder';
import type { LoadOptions } from './load-types';
import { loadWith } from './load-with';

const ANSWERS = [' a red circle', ' two green triangles'];
const folder = { root: '' };
beforeAll(async () => {
  folder.root = await mkTemporaryFolder();
  for (const dtype of ['f32', 'f16'] as const)
    await convert({ model: `${GOLDENS}of-neox`, out: join(folder.root, dtype), dtype });
}, 60_000);
afterAll(async () => {
  await rm(folder.root, { recursive: true, force: true });
});

/** A visit: a model is loaded, shown two pictures, asked, and disposed of. */
async function visit(root: MemoryFolder, dtype: WeightType, options: LoadOptions) {
  await using model = await loadWith(
    {
      files: folderFiles(join(folder.root, dtype)),
      gpu: undefined,
      pixels: (frames, { image }, signal) => mediaPixels(frames, image, decodeImage, signal),
      shelf: (maxBytes) => openMediaShelf(maxBytes, storageOf(root)),
    },
    { executor: 'wasm', ...options },
  );
  await using session = await model.createSession();
  const shot = example(await session.addMedia(goldenPicture('of-neox', 0)), ' one');
  await session.append([...shot, ...example(await session.addMedia(goldenPicture('of-neox', 1)))]);
  const scores = await sums(session, ANSWERS);
  const { visionRuns, resamplerRuns, mediaKvProjections } = await session.stats();
  return { scores, runs: [visionRuns, resamplerRuns, mediaKvProjections] };
}

it('a second visit runs no encoder and answers the same; what is damaged is made again; another dtype reads nothing of it', {
  timeout: 60_000,
}, async () => {
  const root = new MemoryFolder(2 ** 30, true);
  const off = await visit(root, 'f32', {});
  expect(root.folders.size).toBe(0);
  expect(await visit(root, 'f32', { keepMedia: true })).toEqual(off);
  const [kept] = root.folders.values();
  expect(kept.files.size).toBe(2);
  const [name, file] = [...kept.files][0];
  const flipped = file.map((byte, i) => (i === 5000 ? byte ^ 1 : byte));
  kept.files.set(name, flipped);
  const damaged = await visit(root, 'f32', { keepMedia: true });
  expect(damaged.scores).toEqual(off.scores);
  expect(damaged.runs.slice(0, 2)).toEqual([1, 1]);
  expect(kept.files.get(name)).toEqual(file);
  expect(await visit(root, 'f32', { keepMedia: true })).toEqual({ scores: off.scores, runs: [0, 0, 0] });
  const other = await visit(root, 'f16', { keepMedia: 3 * file.byteLength });
  expect(other.runs).toEqual(off.runs);
  expect(kept.files.size).toBe(3);
});
