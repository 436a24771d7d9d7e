import type { EncodedMedia, Executor } from '../core/executor';
import type { MediaPixels } from '../core/media-pixels';
import type { FlamingoConfig } from '../format/config';

/** Features [F, v, Dv] of a medium -> keys and values. */
export function encodeFeatures(
  executor: Executor,
  config: FlamingoConfig,
  features: Float32Array,
  pixels: MediaPixels,
): Promise<EncodedMedia> {
  return executor.encodeMedia(features, pixels.frames, seenLatents(config, pixels));
}

/** Of a picture cut into tiles, tokens see the latents of those that it fills; undefined: of all. */
export function seenLatents(config: FlamingoConfig, { tiles }: MediaPixels): number | undefined {
  return tiles && tiles.filled * config.vision.patches;
}
