import type { EncodedMedia, Executor } from '../core/executor';
import type { MediaPixels } from '../core/media-pixels';
import { tileArrangements } from '../core/tile-arrangements';
import { type FlamingoConfig, isPerceiver, type PerceiverConfig } from '../format/config';
import { patchGrid } from '../format/patch-grid';
import { type MediaRollout, rollout } from './rollout';

/**
 * Rollouts of the media that somebody asked them for; nothing is computed or kept for others. They live as long as their medium. One is small beside its medium's
 * keys and values: 64 kB for a picture of 256 patches and 64 latents.
 */
export class Rollouts {
  private readonly made = new WeakMap<EncodedMedia, MediaRollout>();

  constructor(
    private readonly executor: Pick<Executor, 'resamplerAttention'>,
    private readonly config: FlamingoConfig,
  ) {}

  /** Throws `unsupported` for a model whose features are no grid of patches. */
  check(): void {
    patchGrid(this.config);
  }

  /**
   * Makes the rollout of a medium, unless it is there. `features` gives [F, v, Dv] and is called where they are needed. Throws `unsupported` for an older package on
   * wasm.
   */
  async make(
    medium: EncodedMedia,
    { frames, tiles }: Pick<MediaPixels, 'frames' | 'tiles'>,
    features: () => Promise<Float32Array>,
  ): Promise<MediaRollout> {
    const known = this.made.get(medium);
    if (known) return known;
    const { resampler } = this.config;
    const where = { frames, grid: patchGrid(this.config), ...(tiles ? { tiles: tileGrid(frames, tiles) } : {}) };
    const made = isPerceiver(resampler)
      ? { ...where, shares: await this.shares(resampler, await features(), frames) }
      : where;
    this.made.set(medium, made);
    return made;
  }

  of(medium: EncodedMedia): MediaRollout | undefined {
    return this.made.get(medium);
  }

  private async shares(
    { heads, latents }: Pick<PerceiverConfig, 'heads' | 'latents'>,
    values: Float32Array,
    frames: number,
  ): Promise<Float32Array> {
    const layers = await this.executor.resamplerAttention(values, frames);
    return rollout(layers, { heads, latents, features: frames * this.config.vision.patches });
  }
}

/** How the tiles of a picture lie: the number of an arrangement as a grid. */
function tileGrid(most: number, { arrangement }: NonNullable<MediaPixels['tiles']>): { rows: number; columns: number } {
  const [rows, columns] = tileArrangements(most)[arrangement - 1];
  return { rows, columns };
}
