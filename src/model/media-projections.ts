import { type FlamingoConfig, mediaHeads } from '../format/config';
import type { LedgerBuffer } from '../gpu/ledger';
import { stepValue } from '../gpu/recording';
import { appendMedia } from '../kernels/cache/append-media';
import { Linear, recordHeadNorm } from './linear';
import type { MediaCache } from './media-cache';
import type { Stage } from './stage';
import type { Norm, Weights } from './weights';

/** Makes the latents of one medium, and the keys and values of every gated layer from them. */
export interface LatentMaker {
  /** Where every run starts: the learned latents [n, Dv], copied to the scratch buffer `latents`; undefined where there are none. */
  readonly initial: LedgerBuffer | undefined;
  /** Two stages over one recording: `media` has the rows of the features, `latents` has n. Returns the buffer of the finished latents. */
  record(media: Stage, latents: Stage, features: LedgerBuffer, cache: MediaCache): LedgerBuffer;
}

/** latents [n, width] -> keys and values of every gated layer, into one slot of the media cache. */
export class MediaProjections {
  private readonly toKv: Linear[];
  private readonly norms: (Norm | undefined)[];

  constructor(
    weights: Weights,
    private readonly config: FlamingoConfig,
  ) {
    const { before, qkNorm } = config.gated;
    this.toKv = before.map((_, k) => new Linear(weights.matrix(`gated.${k}.to_kv.weight`)));
    this.norms = before.map((_, k) => (qkNorm ? weights.norm(`gated.${k}.norm_k`, qkNorm) : undefined));
  }

  record(stage: Stage, latents: LedgerBuffer, cache: MediaCache): void {
    const { gated, resampler } = this.config;
    const [heads, d] = [mediaHeads(gated), gated.headDim];
    const kv = stage.scratch.get('gated_kv', 2 * heads * d);
    for (const [k, toKv] of this.toKv.entries()) {
      toKv.record(stage, `gated.${k}.to_kv`, latents, kv);
      const shape = { rows: stage.rows, heads, d, stride: 2 * heads * d };
      recordHeadNorm(stage, `gated.${k}.norm_k`, this.norms[k], kv, shape);
      const { keys, values } = cache.layers[k];
      stage.rec.add(`gated.${k}.append_media`, appendMedia, {
        buffers: { kv, keys, values },
        params: { n: resampler.latents, heads, d, slot: stepValue('slot') },
      });
    }
  }
}
