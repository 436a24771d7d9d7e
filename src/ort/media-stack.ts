import type { AppendStep, EncodedMedia } from '../core/executor';
import { type FlamingoConfig, mediaHeads, seesRanges } from '../format/config';
import type { OrtMedia } from './executor';
import type { OrtRuntime, OrtTensor } from './runtime';

/** The media that the tokens of one run see, and per token the place of its medium among them, or -1. */
export interface SeenMedia {
  media: readonly EncodedMedia[];
  /** Place in the step's list of each of them. */
  places: readonly number[];
  index: readonly number[];
  /** Place of the first medium that each token sees, up to `index`. */
  first: readonly number[];
}

/**
 * Leaves out what no token of the run sees: a decode step reads one picture, however many the prompt has. With `leadSeesAll`, tokens before the first medium
 * see all of them.
 */
export function seenMedia(
  { media, mediaIndex, mediaFirst = mediaIndex }: Pick<AppendStep, 'media' | 'mediaIndex' | 'mediaFirst'>,
  leadSeesAll: boolean,
): SeenMedia {
  const all = leadSeesAll && mediaIndex.some((m) => m < 0);
  const isSeen = (m: number) => all || mediaIndex.some((last, t) => m <= last && m >= mediaFirst[t]);
  const places = [...media.keys()].filter(isSeen);
  const place = (m: number) => (m < 0 ? -1 : places.indexOf(m));
  return { media: places.map((m) => media[m]), places, index: mediaIndex.map(place), first: mediaFirst.map(place) };
}

/** Keys and values of several media side by side, [G, M, Hkv, n, d]; kept while the same media are asked for. */
export class MediaStack {
  private kept: { media: readonly EncodedMedia[]; inputs: Record<string, OrtTensor> } | undefined;

  constructor(
    private readonly ort: OrtRuntime,
    private readonly config: FlamingoConfig,
  ) {}

  /** `media_key` and `media_value`, and `media_seen` for ranges; of one medium of zeros, which nobody sees, when there is none. Empty for a model without gated layers. */
  inputs(media: readonly EncodedMedia[]): Record<string, OrtTensor> {
    if (this.config.gated.before.length === 0) return {};
    const { kept } = this;
    const same = kept?.media.length === media.length && kept.media.every((medium, m) => medium === media[m]);
    if (kept && same) return kept.inputs;
    const inputs = {
      media_key: this.stack(media.map((medium) => (medium as OrtMedia).keys)),
      media_value: this.stack(media.map((medium) => (medium as OrtMedia).values)),
      ...(seesRanges(this.config) ? { media_seen: this.seen(media) } : {}),
    };
    this.kept = { media, inputs };
    return inputs;
  }

  private seen(media: readonly EncodedMedia[]): OrtTensor {
    const counts = media.length > 0 ? media.map((medium) => (medium as OrtMedia).seen) : [0];
    return this.ort.longs(counts, [counts.length]);
  }

  private stack(parts: readonly Float32Array[]): OrtTensor {
    const { gated, resampler } = this.config;
    const [G, M] = [gated.before.length, Math.max(1, parts.length)];
    const heads = mediaHeads(gated);
    const one = heads * resampler.latents * gated.headDim;
    const shape = [G, M, heads, resampler.latents, gated.headDim];
    if (parts.length === 1) return this.ort.floats(parts[0], shape);
    const all = new Float32Array(G * M * one);
    parts.forEach((part, m) => {
      for (let k = 0; k < G; k++) all.set(part.subarray(k * one, (k + 1) * one), (k * M + m) * one);
    });
    return this.ort.floats(all, shape);
  }
}
