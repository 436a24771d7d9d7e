import { FlamingoError } from '../core/errors';
import { type FlamingoConfig, isPerceiver } from './config';

/**
 * How far frame embeddings are stretched: a model trained with 8 frames takes up to 32. The paper stretches 8 to 30 (Flamingo 2022, 3.1 and appendix
 * on video); beyond that nothing is known of what a model sees.
 */
const STRETCH = 4;

/** Longest clip of a model without frame embeddings: it sees all frames at once, without their order. */
const FRAMES_WITHOUT_ORDER = 32;

/** Frames that one clip can have: a single one where nothing makes latents of several. A picture cut into tiles has them in the place of frames. */
export function clipLimit({ resampler, vision: { tiles } }: Pick<FlamingoConfig, 'resampler' | 'vision'>): number {
  if (tiles !== undefined) return tiles;
  if (!isPerceiver(resampler)) return 1;
  const { maxFrames } = resampler;
  return maxFrames === null ? FRAMES_WITHOUT_ORDER : STRETCH * maxFrames;
}

/** Throws `invalid-option` with both numbers for a clip without frames or with more than the package allows. */
export function checkClip(config: Pick<FlamingoConfig, 'resampler' | 'vision'>, frames: number): void {
  const limit = clipLimit(config);
  if (frames >= 1 && frames <= limit) return;
  const { maxFrames } = config.resampler;
  throw new FlamingoError('invalid-option', `A clip has ${frames} frames; this package allows 1 to ${limit}.`, {
    hint: frames < 1 ? 'Give at least one frame.' : 'Take fewer frames of the clip, further apart.',
    details: { frames, limit, maxFrames },
  });
}
