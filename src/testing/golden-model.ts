import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { convert } from '../convert/convert';
import { loadFolder } from '../session/load-node';
import type { LoadedParts } from '../session/load-with';
import type { FlamingoSession, MediaHandle, Part } from '../session/types';
import { GOLDENS } from './parity';
import { inTemporaryFolder } from './temporary-folder';

/** A golden model, converted and loaded: small enough for tests of sessions. */
export async function goldenModel(family: string, executor: 'webgpu' | 'wasm'): Promise<LoadedParts> {
  return await inTemporaryFolder(async (folder) => {
    const out = join(folder, 'package');
    await convert({ model: GOLDENS + family, out, dtype: 'f32' });
    return await loadFolder(out, { executor });
  });
}

/** Picture 0 to 3 of a golden model. */
export function goldenPicture(family: string, index: number): Blob {
  return new Blob([readFileSync(`${GOLDENS}${family}/images/0${index}.png`)]);
}

/** A labelled example, or without `answer` a question to be answered. */
export function example(picture: MediaHandle, answer?: string): Part[] {
  const parts: Part[] = [
    { type: 'media', value: picture },
    { type: 'text', value: `Output:${answer ?? ''}` },
  ];
  return answer === undefined ? parts : [...parts, { type: 'end-of-chunk' }];
}

/** One number per candidate: what a comparison of two contexts needs. */
export async function sums(session: FlamingoSession, candidates: readonly string[]): Promise<number[]> {
  return (await session.score(candidates)).map(({ sum }) => sum);
}
