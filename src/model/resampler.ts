import type { FlamingoConfig } from '../format/config';
import type { LedgerBuffer } from '../gpu/ledger';
import { stepValue } from '../gpu/recording';
import { perceiver } from '../kernels/attention/perceiver';
import { appendMedia } from '../kernels/cache/append-media';
import { addFrames } from '../kernels/embed/add-frames';
import { FeedForward, Linear, recordHeadNorm, recordNorm } from './linear';
import type { MediaCache } from './media-cache';
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
export class Resampler {
  private readonly layers: PerceiverLayer[];
  private readonly norm: Norm;
  private readonly frames: LedgerBuffer | undefined;
  private readonly toKv: Linear[];
  private readonly mediaNorms: (Norm | undefined)[];
  /** The learned latents, [n, Dv]: copied to the scratch buffer `latents` before each run. */
  readonly initial: LedgerBuffer;

  constructor(
    weights: Weights,
    private readonly config: FlamingoConfig,
  ) {
    const { resampler, gated } = config;
    this.layers = Array.from({ length: resampler.layers }, (_, i) => perceiverLayer(weights, config, i));
    this.norm = weights.norm('resampler.norm', resampler.norm);
    this.frames = weights.vector('resampler.frame_embeddings');
    this.initial = weights.vector('resampler.latents')!;
    this.toKv = gated.before.map((_, k) => new Linear(weights.matrix(`gated.${k}.to_kv.weight`)));
    this.mediaNorms = gated.before.map((_, k) =>
      gated.qkNorm ? weights.norm(`gated.${k}.norm_k`, gated.qkNorm) : undefined,
    );
  }

  /** Two stages over one recording: `media` has F*v rows, `latents` has n. Returns the buffer of the finished latents. */
  record(media: Stage, latents: Stage, features: LedgerBuffer, cache: MediaCache): LedgerBuffer {
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
    for (const [k, toKv] of this.toKv.entries()) this.recordKeyValues(latents, toKv, k, finished, cache);
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
    const { heads, headDim: d } = this.config.resampler;
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
    latents.rec.add(`${name}.attn`, perceiver, {
      buffers: { q, media_kv: mediaKv, latent_kv: latentKv, y: attended },
      params: { latents: this.config.resampler.latents, media: MEDIA_ROWS, heads, d, scale: d ** -0.5 },
    });
    layer.toOut.record(latents, `${name}.to_out`, attended, x, 'add');
    const hidden = layer.feedForward.recordUp(latents, `${name}.ff`, x);
    layer.feedForward.recordDown(latents, `${name}.ff`, hidden, x, 'add');
  }

  private recordKeyValues(stage: Stage, toKv: Linear, k: number, latents: LedgerBuffer, cache: MediaCache): void {
    const { heads, headDim: d } = this.config.gated;
    const kv = stage.scratch.get('gated_kv', 2 * heads * d);
    toKv.record(stage, `gated.${k}.to_kv`, latents, kv);
    const shape = { rows: stage.rows, heads, d, stride: 2 * heads * d };
    recordHeadNorm(stage, `gated.${k}.norm_k`, this.mediaNorms[k], kv, shape);
    const { keys, values } = cache.layers[k];
    stage.rec.add(`gated.${k}.append_media`, appendMedia, {
      buffers: { kv, keys, values },
      params: { n: this.config.resampler.latents, heads, d, slot: stepValue('slot') },
    });
  }
}

function perceiverLayer(weights: Weights, { resampler }: FlamingoConfig, i: number): PerceiverLayer {
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
