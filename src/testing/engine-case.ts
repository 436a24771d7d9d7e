import { expect } from 'vitest';
import type { WeightType } from '../core/dtypes';
import type { AppendResult, EncodedMedia } from '../core/executor';
import type { FlamingoConfig } from '../format/config';
import { WgslExecutor } from '../model/engine';
import { randomWeights } from '../reference/model/random-weights';
import { uniform } from '../reference/random';
import { testDevice } from './test-device';

/** Text first, then three pictures one after the other. */
export const IDS = Array.from({ length: 14 }, (_, i) => (i * 31 + 5) % 97);
export const SEEN = [-1, -1, 0, 0, 0, 0, 1, 1, 2, 2, 2, 2, 2, 2];

export async function load(config: FlamingoConfig, type: WeightType = 'f32', gates?: number): Promise<WgslExecutor> {
  const executor = WgslExecutor.create(await testDevice({ f16: false, subgroups: true }), config, type);
  await executor.load(randomWeights(config, type, { gates }));
  return executor;
}

export async function pictures(
  executor: WgslExecutor,
  config: FlamingoConfig,
  seeds: number[],
): Promise<EncodedMedia[]> {
  const { patches, width } = config.vision;
  return await Promise.all(seeds.map((seed) => executor.encodeMedia(uniform(patches * width, -2, 2, seed), 1)));
}

export async function logits(
  executor: WgslExecutor,
  media: EncodedMedia[],
  chunks: number[] = [IDS.length],
): Promise<Float32Array> {
  using sequence = await executor.createSequence(64);
  const rows: number[] = [];
  let at = 0;
  for (const size of chunks) {
    const result: AppendResult = await sequence.append({
      ids: IDS.slice(at, at + size),
      mediaIndex: SEEN.slice(at, at + size),
      media,
      logits: 'all',
    });
    rows.push(...result.logits!);
    at += size;
  }
  return Float32Array.from(rows);
}

/** Largest absolute difference of two lists of one length; infinite where a value is no number. */
export function worst(got: ArrayLike<number> | undefined, want: ArrayLike<number>): number {
  expect(got?.length).toBe(want.length);
  return Array.from(want).reduce((most, value, i) => {
    const error = Math.abs(value - got![i]!);
    return Math.max(most, error >= 0 ? error : Number.POSITIVE_INFINITY);
  }, 0);
}
