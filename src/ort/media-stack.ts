import type { EncodedMedia } from '../core/executor';
import type { FlamingoConfig } from '../format/config';
import type { OrtMedia } from './executor';
import type { OrtRuntime, OrtTensor } from './runtime';

/** The media that the tokens of one run see, and per token the place of its medium among them, or -1. */
export interface SeenMedia {
  media: readonly EncodedMedia[];
  /** Place in the step's list of each of them. */
  places: readonly number[];
  index: readonly number[];
}

/** Leaves out what no token of the run sees: a decode step reads one picture, however many the prompt has. */
export function seenMedia(media: readonly EncodedMedia[], mediaIndex: readonly number[]): SeenMedia {
  const places = [...new Set(mediaIndex.filter((m) => m >= 0))].sort((a, b) => a - b);
  return { media: places.map((m) => media[m]), places, index: mediaIndex.map((m) => places.indexOf(m)) };
}

/** Keys and values of several media side by side, [G, M, H, n, d]; kept while the same media are asked for. */
export class MediaStack {
  private kept: { media: readonly EncodedMedia[]; inputs: Record<string, OrtTensor> } | undefined;

  constructor(
    private readonly ort: OrtRuntime,
    private readonly config: FlamingoConfig,
  ) {}

  /** `media_key` and `media_value`; of one medium of zeros, which nobody sees, when there is none. Empty for a model without gated layers. */
  inputs(media: readonly EncodedMedia[]): Record<string, OrtTensor> {
    if (this.config.gated.before.length === 0) return {};
    const { kept } = this;
    const same = kept?.media.length === media.length && kept.media.every((medium, m) => medium === media[m]);
    if (kept && same) return kept.inputs;
    const inputs = {
      media_key: this.stack(media.map((medium) => (medium as OrtMedia).keys)),
      media_value: this.stack(media.map((medium) => (medium as OrtMedia).values)),
    };
    this.kept = { media, inputs };
    return inputs;
  }

  private stack(parts: readonly Float32Array[]): OrtTensor {
    const { gated, resampler } = this.config;
    const [G, M] = [gated.before.length, Math.max(1, parts.length)];
    const one = gated.heads * resampler.latents * gated.headDim;
    const shape = [G, M, gated.heads, resampler.latents, gated.headDim];
    if (parts.length === 1) return this.ort.floats(parts[0], shape);
    const all = new Float32Array(G * M * one);
    parts.forEach((part, m) => {
      for (let k = 0; k < G; k++) all.set(part.subarray(k * one, (k + 1) * one), (k * M + m) * one);
    });
    return this.ort.floats(all, shape);
  }
}
