import type { FlamingoConfig } from '../format/config';
import type { LedgerBuffer } from '../gpu/ledger';
import { Linear } from './linear';
import type { MediaCache } from './media-cache';
import { type LatentMaker, MediaProjections } from './media-projections';
import type { Stage } from './stage';
import type { Weights } from './weights';

/** Features of a picture [tiles*v, Dv] -> latents [n, width], one for every feature, without a resampler: through a linear layer, or as they are. */
export class FeatureLatents implements LatentMaker {
  readonly initial = undefined;
  private readonly projection: Linear | undefined;
  private readonly keysAndValues: MediaProjections;

  constructor(
    weights: Weights,
    private readonly config: FlamingoConfig,
  ) {
    if (config.resampler.kind === 'projection') {
      const bias = weights.vector('resampler.projection.bias');
      this.projection = new Linear(weights.matrix('resampler.projection.weight'), { bias });
    }
    this.keysAndValues = new MediaProjections(weights, config);
  }

  record(_media: Stage, latents: Stage, features: LedgerBuffer, cache: MediaCache): LedgerBuffer {
    const finished = this.projection ? latents.scratch.get('finished', this.config.width) : features;
    this.projection?.record(latents, 'resampler.projection', features, finished);
    this.keysAndValues.record(latents, finished, cache);
    return finished;
  }
}
