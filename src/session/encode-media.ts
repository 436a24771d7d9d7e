import type { EncodedMedia, Executor } from '../core/executor';
import type { MediaPixels } from '../core/media-pixels';
import type { FlamingoConfig } from '../format/config';

/** Features [F, v, Dv] of a medium -> keys and values. Of a picture cut into tiles, tokens see the latents of those that it fills. */
export function encodeFeatures(
  executor: Executor,
  config: FlamingoConfig,
  features: Float32Array,
  { frames, tiles }: MediaPixels,
): Promise<EncodedMedia> {
  return executor.encodeMedia(features, frames, tiles && tiles.filled * config.vision.patches);
}
