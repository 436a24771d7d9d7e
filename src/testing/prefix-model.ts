import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { convert } from '../convert/convert';
import { loadFolder } from '../session/load-node';
import type { LoadedParts } from '../session/load-with';
import type { FlamingoSession } from '../session/types';
import { goldenPicture } from './golden-model';
import { linearMapper } from './linear-mapper';
import { GOLDENS } from './parity';
import { inTemporaryFolder } from './temporary-folder';

/** Vectors per picture. */
export const PREFIX_TOKENS = 3;
const FAMILY = 'of-opt';
export const PREFIX_ANSWERS = [' a red circle', ' two', ' seven triangles'];

/** A golden model with a mapper of its features, converted into `folder`. */
export async function writePrefixPackage(folder: string): Promise<ReturnType<typeof linearMapper>> {
  const { config } = await convert({ model: GOLDENS + FAMILY, out: '', dtype: 'f32', dryRun: true });
  const { patches, width } = config.vision;
  const mapper = linearMapper({ input: 'features', from: [patches, width], to: [PREFIX_TOKENS, config.width] });
  const path = join(folder, 'mapper.onnx');
  await writeFile(path, mapper.model);
  await convert({ model: GOLDENS + FAMILY, out: join(folder, 'package'), dtype: 'f32', mapper: path });
  return mapper;
}

export async function prefixModel(executor: 'webgpu' | 'wasm') {
  return await inTemporaryFolder(async (folder) => {
    const mapper = await writePrefixPackage(folder);
    const model = await loadFolder(join(folder, 'package'), { executor });
    await model.visualPrefix(prefixPicture(0)); // reads the mapper while the folder is there
    return { model, mapper };
  });
}

export const prefixPicture = (index: number) => goldenPicture(FAMILY, index);

/** Scores of answers behind two pictures as prefixes, with closed gates. */
export async function prefixScores(model: LoadedParts, session: FlamingoSession): Promise<number[]> {
  const [first, second] = [await model.visualPrefix(prefixPicture(0)), await model.visualPrefix(prefixPicture(1))];
  await session.setContext([
    { type: 'vectors', value: first },
    { type: 'text', value: 'Output: one' },
    { type: 'end-of-chunk' },
    { type: 'vectors', value: second },
    { type: 'text', value: 'Output:' },
  ]);
  return (await session.score(PREFIX_ANSWERS, { visualStrength: 0 })).map(({ sum }) => sum);
}
