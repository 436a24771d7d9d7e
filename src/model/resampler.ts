import { type FlamingoConfig, type PerceiverConfig, perceiverOf } from '../format/config';
import type { LedgerBuffer } from '../gpu/ledger';
import { stepValue } from '../gpu/recording';
import { perceiver } from '../kernels/attention/perceiver';
import { perceiverProbabilities } from '../kernels/attention/perceiver-probabilities';
import { addFrames } from '../kernels/embed/add-frames';
import { FeedForward, Linear, recordHeadNorm, recordNorm } from './linear';
import type { MediaCache } from './media-cache';
import { type LatentMaker, MediaProjections } from './media-projections';
import type { Stage } from './stage';
import type { Norm, Weights } from './weights';

/** Rows of features in this run: frames * patches. */
export const MEDIA_ROWS = stepValue('mediaRows');

interface PerceiverLayer {
  normMedia: Norm;
  normLatents: Norm;
  toQ: Linear;
  toKv: Linear;
  normQ: Norm | undefined;
  normK: Norm | undefined;
  toOut: Linear;
  feedForward: FeedForward;
}

/**
 * Features of an image or clip [F*v, Dv] -> n latents [n, Dv] -> keys and values of every gated layer, into one slot of the media cache.
 * Per layer: latents attend over concat(norm(features), norm(latents)); Flamingo §2.1, open_flamingo PerceiverResampler.
 */
export class Resampler implements LatentMaker {
  private readonly layers: PerceiverLayer[];
  private readonly norm: Norm;
  private readonly frames: LedgerBuffer | undefined;
  private readonly keysAndValues: MediaProjections;
  private readonly perceiver: PerceiverConfig;
  readonly initial: LedgerBuffer | undefined;

  constructor(
    weights: Weights,
    private readonly config: FlamingoConfig,
  ) {
    const resampler = perceiverOf(config);
    this.perceiver = resampler;
    this.layers = Array.from({ length: resampler.layers }, (_, i) => perceiverLayer(weights, resampler, i));
    this.norm = weights.norm('resampler.norm', resampler.norm);
    this.frames = weights.vector('resampler.frame_embeddings');
    this.initial = weights.vector('resampler.latents');
    this.keysAndValues = new MediaProjections(weights, config);
  }

  record(media: Stage, latents: Stage, features: LedgerBuffer, cache: MediaCache): LedgerBuffer {
    const finished = this.recordLatents(media, latents, features);
    this.keysAndValues.record(latents, finished, cache);
    return finished;
  }

  /** Without keys and values; where the stages want probabilities, with a tap of those of every layer. */
  recordLatents(media: Stage, latents: Stage, features: LedgerBuffer): LedgerBuffer {
    const { vision } = this.config;
    const x = latents.scratch.get('latents', vision.width);
    if (this.frames) {
      media.rec.add('resampler.frames', addFrames, {
        buffers: { x: features, table: this.frames },
        params: {
          frames: stepValue('frames'),
          patches: vision.patches,
          cols: vision.width,
          rows: this.config.resampler.maxFrames ?? 0,
        },
      });
    }
    for (const [i, layer] of this.layers.entries()) {
      this.recordLayer(media, latents, layer, `resampler.layers.${i}`, features, x);
    }
    const finished = latents.scratch.get('finished', vision.width);
    recordNorm(latents, 'resampler.norm', this.norm, x, finished);
    return finished;
  }

  private recordLayer(
    media: Stage,
    latents: Stage,
    layer: PerceiverLayer,
    name: string,
    features: LedgerBuffer,
    x: LedgerBuffer,
  ): void {
    const { heads, headDim: d } = this.perceiver;
    const Dv = this.config.vision.width;
    const normedMedia = media.scratch.get('normed', Dv);
    const normedLatents = latents.scratch.get('normed', Dv);
    const q = latents.scratch.get('q', heads * d);
    const mediaKv = media.scratch.get('kv', 2 * heads * d);
    const latentKv = latents.scratch.get('kv', 2 * heads * d);
    const attended = latents.scratch.get('attended', heads * d);
    recordNorm(media, `${name}.norm_media`, layer.normMedia, features, normedMedia);
    recordNorm(latents, `${name}.norm_latents`, layer.normLatents, x, normedLatents);
    layer.toQ.record(latents, `${name}.to_q`, normedLatents, q);
    layer.toKv.record(media, `${name}.to_kv.media`, normedMedia, mediaKv);
    layer.toKv.record(latents, `${name}.to_kv.latents`, normedLatents, latentKv);
    const [own, stride] = [heads * d, 2 * heads * d];
    recordHeadNorm(latents, `${name}.norm_q`, layer.normQ, q, { rows: latents.rows, heads, d, stride: own });
    recordHeadNorm(media, `${name}.norm_k.media`, layer.normK, mediaKv, { rows: media.rows, heads, d, stride });
    recordHeadNorm(latents, `${name}.norm_k.latents`, layer.normK, latentKv, { rows: latents.rows, heads, d, stride });
    const inputs = { q, media_kv: mediaKv, latent_kv: latentKv };
    const params = { latents: this.perceiver.latents, media: MEDIA_ROWS, heads, d, scale: d ** -0.5 };
    latents.rec.add(`${name}.attn`, perceiver, { buffers: { ...inputs, y: attended }, params });
    if (latents.probabilities) {
      const keys = media.scratch.rows + this.perceiver.latents;
      const probabilities = latents.scratch.getFloats('probabilities', heads * keys);
      latents.rec.add(`${name}.probabilities`, perceiverProbabilities, {
        buffers: { ...inputs, probabilities },
        params,
      });
      latents.rec.tap(`${name}.probabilities`, probabilities, keys, heads);
    }
    layer.toOut.record(latents, `${name}.to_out`, attended, x, 'add');
    const hidden = layer.feedForward.recordUp(latents, `${name}.ff`, x);
    layer.feedForward.recordDown(latents, `${name}.ff`, hidden, x, 'add');
  }
}

function perceiverLayer(weights: Weights, resampler: PerceiverConfig, i: number): PerceiverLayer {
  const at = `resampler.layers.${i}`;
  return {
    normMedia: weights.norm(`${at}.norm_media`, resampler.norm),
    normLatents: weights.norm(`${at}.norm_latents`, resampler.norm),
    toQ: new Linear(weights.matrix(`${at}.to_q.weight`)),
    toKv: new Linear(weights.matrix(`${at}.to_kv.weight`)),
    normQ: resampler.qkNorm ? weights.norm(`${at}.norm_q`, resampler.qkNorm) : undefined,
    normK: resampler.qkNorm ? weights.norm(`${at}.norm_k`, resampler.qkNorm) : undefined,
    toOut: new Linear(weights.matrix(`${at}.to_out.weight`)),
    feedForward: new FeedForward(
      weights.matrix(`${at}.ff.up.weight`),
      weights.matrix(`${at}.ff.down.weight`),
      resampler.feedForward,
      {
        norm: weights.norm(`${at}.ff.norm`, resampler.norm),
        upBias: weights.vector(`${at}.ff.up.bias`),
        downBias: weights.vector(`${at}.ff.down.bias`),
      },
    ),
  };
}
