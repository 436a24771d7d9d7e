import { expect } from 'vitest';
import type { WeightType } from '../core/dtypes';
import type { EncodedMedia } from '../core/executor';
import { type FlamingoConfig, seesRanges } from '../format/config';
import { OrtExecutor } from '../ort/executor';
import { decode, type ReferenceResult } from '../reference/model/decoder';
import { randomWeights } from '../reference/model/random-weights';
import { type ReferenceMedium, resample } from '../reference/model/resampler';
import { uniform } from '../reference/random';
import { modelFiles, weightValues } from './ort-model';

/** Tokens of the case that executors of onnxruntime-web are held against the f64 reference with. */
export const ids = Array.from({ length: 13 }, (_, i) => (i * 37 + 5) % 97);
/** Text first, two pictures, back to the first, text without a picture in the end. */
export const mediaIndex = [-1, -1, 0, 0, 0, 1, 1, 1, 2, 0, 0, -1, 1];
/** For models whose tokens see several: where the range begins. */
const firsts = [-1, -1, 0, 0, 0, 0, 1, 0, 1, 0, 0, -1, 0];

export interface Model {
  config: FlamingoConfig;
  executor: OrtExecutor;
  media: EncodedMedia[];
  referenceMedia: ReferenceMedium[];
  features: Float32Array[];
  frames: number[];
  expected: ReferenceResult;
}

export async function load(config: FlamingoConfig, type: WeightType): Promise<Model> {
  const reader = randomWeights(config, type);
  const { resampler, decoder } = await modelFiles(config, type, reader);
  const executor = await OrtExecutor.load(config, resampler, decoder);
  const values = await weightValues(config, type, reader);
  const { tiles } = config.vision;
  const untiled = config.resampler.maxFrames === null ? [1, 1, 2] : [1, 4, 9]; // 9: more than were trained
  const frames = tiles ? [tiles, tiles, tiles] : untiled;
  const seen = [undefined, tiles && config.resampler.latents - 2, tiles && 1]; // padding behind some
  const features = frames.map((f, m) => uniform(f * config.vision.patches * config.vision.width, -2, 2, m + 1));
  const media: EncodedMedia[] = [];
  for (const [m, f] of frames.entries()) media.push(await executor.encodeMedia(features[m], f, seen[m]));
  const referenceMedia = features.map((values_, m) => resample(config, values, values_, seen[m]));
  const expected = decode(config, values, { ids, mediaIndex, mediaFirst: firstsOf(config), media: referenceMedia });
  return { config, executor, media, referenceMedia, features, frames, expected };
}

export function firstsOf(config: FlamingoConfig): number[] | undefined {
  return seesRanges(config) ? firsts : undefined;
}

/** Largest absolute difference. */
export function difference(actual: ArrayLike<number> | undefined, expected: readonly number[]): number {
  expect(actual?.length).toBe(expected.length);
  return expected.reduce((worst, value, i) => Math.max(worst, Math.abs(value - actual![i])), 0);
}
