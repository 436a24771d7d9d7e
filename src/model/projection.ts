import type { FlamingoConfig } from '../format/config';
import type { LedgerBuffer } from '../gpu/ledger';
import { Linear } from './linear';
import type { MediaCache } from './media-cache';
import { type LatentMaker, MediaProjections } from './media-projections';
import type { Stage } from './stage';
import type { Weights } from './weights';

/** Features of a picture [tiles*v, Dv] -> latents [n, D], one for every feature: a linear layer in the place of a resampler. */
export class Projection implements LatentMaker {
  readonly initial = undefined;
  private readonly linear: Linear;
  private readonly keysAndValues: MediaProjections;

  constructor(
    weights: Weights,
    private readonly config: FlamingoConfig,
  ) {
    const bias = weights.vector('resampler.projection.bias');
    this.linear = new Linear(weights.matrix('resampler.projection.weight'), { bias });
    this.keysAndValues = new MediaProjections(weights, config);
  }

  record(_media: Stage, latents: Stage, features: LedgerBuffer, cache: MediaCache): LedgerBuffer {
    const finished = latents.scratch.get('finished', this.config.width);
    this.linear.record(latents, 'resampler.projection', features, finished);
    this.keysAndValues.record(latents, finished, cache);
    return finished;
  }
}
