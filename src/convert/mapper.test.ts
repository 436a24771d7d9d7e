import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadFolder } from '../session/load-node';
import { TEXT_TOWER, writeTwoTowers } from '../testing/checkpoints/two-towers';
import { linearMapper, type MapperShape } from '../testing/linear-mapper';
import { GOLDENS } from '../testing/parity';
import { inTemporaryFolder } from '../testing/temporary-folder';
import { tinyConfig } from '../testing/tiny-model';
import { convert } from './convert';
import { GraphBuilder } from './graphs/graph-builder';
import { inlineGraph } from './graphs/write-graph';
import { openMapper } from './mapper';

const config = tinyConfig();
const { patches, width } = config.vision;
const fitting: MapperShape = { input: 'features', from: [patches, width], to: [2, config.width] };
const CLIP = { embedding: 9, contextLength: 8, startId: 0, endId: 1, logitScale: 100 };

const open = (bytes: Uint8Array, of = config, clip: typeof CLIP | null = CLIP) =>
  inTemporaryFolder(async (folder) => {
    await writeFile(join(folder, 'mapper.onnx'), bytes);
    return await openMapper(join(folder, 'mapper.onnx'), of, { clip: clip ?? undefined, label: 'the tower' });
  });

test('a mapper says what it reads and how many vectors it makes', async () => {
  const { model } = linearMapper(fitting);
  expect(await open(model)).toMatchObject({ prefix: { input: 'features', tokens: 2 } });
  const ofEmbedding = linearMapper({ input: 'embedding', from: [CLIP.embedding], to: [5, config.width] }).model;
  expect(await open(ofEmbedding)).toMatchObject({ prefix: { input: 'embedding', tokens: 5 } });
});

const twoInputs = () => {
  const g = new GraphBuilder('mapper');
  const sum = g.add(g.input('features', 'f32', [1, 2]), g.input('more', 'f32', [1, 2]));
  g.output(sum, 'prefix', 'f32', [1, 1, 2]);
  return inlineGraph(g.plan(), () => new Uint8Array());
};

test.each<[string, () => Promise<unknown>, { code: string; message: RegExp }]>([
  [
    'another input',
    () => open(linearMapper({ ...fitting, input: 'x' }).model),
    { code: 'unsupported', message: /has the inputs x/ },
  ],
  ['two inputs', () => open(twoInputs()), { code: 'unsupported', message: /has the inputs features, more/ }],
  [
    'another encoder',
    () => open(linearMapper({ ...fitting, from: [patches, width + 1] }).model),
    { code: 'shape-mismatch', message: /features is f32 \[N, 7, 25\]; f32 \[1, 7, 24\] is expected/ },
  ],
  [
    'another language model',
    () => open(linearMapper({ ...fitting, to: [2, 41] }).model),
    { code: 'shape-mismatch', message: /prefix is f32 \[N, 2, 41\]; f32 \[1, 2, 40\]/ },
  ],
  [
    'a free number of vectors',
    () => open(linearMapper({ ...fitting, to: ['K', config.width] }).model),
    { code: 'shape-mismatch', message: /\[N, K, 40\]; f32 \[1, k, 40\]/ },
  ],
  [
    'the embedding of a tower that gives none',
    () => open(linearMapper({ ...fitting, input: 'embedding', from: [9] }).model, config, null),
    { code: 'unsupported', message: /CLIP’s embedding, which the tower does not give/ },
  ],
  [
    'a model that cuts pictures',
    () => open(linearMapper(fitting).model, tinyConfig({ vision: { tiles: 2 } })),
    { code: 'unsupported', message: /tiles/ },
  ],
  ['no graph', () => open(new TextEncoder().encode('no graph')), { code: 'bad-file', message: /mapper\.onnx/ }],
  ['no file', () => openMapper('nowhere.onnx', config, { label: '' }), { code: 'not-found', message: /nowhere/ }],
])('refuses %s', async (_, call, { code, message }) => {
  const error = await call().catch((thrown) => thrown);
  expect(error).toMatchObject({ code, message: expect.stringMatching(message), hint: expect.stringMatching(/./) });
});

test('nothing is written when the mapper does not fit', async () => {
  await inTemporaryFolder(async (folder) => {
    const mapper = join(folder, 'mapper.onnx');
    await writeFile(mapper, linearMapper(fitting).model);
    const out = join(folder, 'package');
    await expect(convert({ model: `${GOLDENS}of-opt`, out, dtype: 'f32', mapper })).rejects.toMatchObject({
      code: 'shape-mismatch',
    });
    expect(await readdir(folder)).toEqual(['mapper.onnx']);
  });
});

test('a mapper of CLIP’s embedding, as ClipCap has it', { timeout: 60_000 }, async () => {
  await inTemporaryFolder(async (folder) => {
    await writeTwoTowers(join(folder, 'source'), 'GPT-NeoX, tied head', TEXT_TOWER);
    const source = join(folder, 'source');
    const { config: made } = await convert({ model: source, out: '', dtype: 'f32', dryRun: true });
    const shape: MapperShape = { input: 'embedding', from: [TEXT_TOWER.embedding], to: [4, made.width] };
    const { model: bytes, map } = linearMapper(shape);
    const mapper = join(folder, 'mapper.onnx');
    await writeFile(mapper, bytes);
    await convert({ model: source, out: join(folder, 'package'), dtype: 'q8', mapper });
    await using model = await loadFolder(join(folder, 'package'), { executor: 'wasm' });
    const { imageSize: S } = made.vision;
    const data = Uint8ClampedArray.from({ length: S * S * 4 }, (_, i) => (i % 4 === 3 ? 255 : (i * 37) % 256));
    const picture = { data, width: S, height: S, colorSpace: 'srgb' } as ImageData;
    const { values } = await model.parts.pixels([picture]);
    const wanted = map(await model.vision.embed(values, 1));
    expect([...(await model.visualPrefix(picture))]).toEqual(wanted.map((value) => expect.closeTo(value, 4)));
  });
});
