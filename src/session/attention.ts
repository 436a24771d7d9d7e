import { follow, meanOverHeads } from './rollout';
import type { ContextRunner } from './runner';
import type { AttentionRollout, MediaHandle, TokenAttention } from './types';

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
  const rollout = followed(runner, media, meanOverHeads(probabilities, layers * heads));
  return { media, layers, heads, latents, probabilities, ...(rollout ? { rollout } : {}) };
}

/** Undefined where a medium was added without its rollout, or none is seen. */
function followed(
  { parts }: ContextRunner,
  media: readonly MediaHandle[],
  attention: Float32Array,
): AttentionRollout | undefined {
  const known = media.flatMap((handle) => parts.rollouts.of(parts.media.get(handle)) ?? []);
  if (media.length === 0 || known.length < media.length) return undefined;
  const { maps, learned } = follow(known, attention);
  return {
    learned,
    maps: maps.map((map, m) => {
      const { frames, grid } = known[m];
      return { media: media[m], frames, height: grid.height, width: grid.width, ...map };
    }),
  };
}
