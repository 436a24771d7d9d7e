import type { ContextRunner } from './runner';
import type { TokenAttention } from './types';

/** Cross-attention of the last token of the context, from the taps of a step that ran this token alone. */
export function lastAttention(runner: ContextRunner, taps: ReadonlyMap<string, Float32Array>): TokenAttention {
  const { gated, resampler } = runner.parts.manifest.config;
  const { latents } = resampler;
  const { heads } = gated;
  const { media } = runner.context.slice(runner.length - 1);
  const layers = gated.before.length;
  const row = media.length * latents;
  const probabilities = new Float32Array(layers * heads * row);
  for (const [k, name] of runner.attentionTaps.entries()) {
    const tap = taps.get(name);
    if (tap && row > 0) probabilities.set(tap.subarray(0, heads * row), k * heads * row);
  }
  return { media, layers, heads, latents, probabilities };
}
