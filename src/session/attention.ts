import { follow, type MediaRollout, meanOverHeads } from './rollout';
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
  const known = rolloutsOf(runner, media);
  const rollout = known && {
    ...followed(media, known, meanOverHeads(probabilities, layers * heads)),
    layers: Array.from({ length: layers }, (_, k) =>
      followed(media, known, meanOverHeads(probabilities.subarray(k * heads * row, (k + 1) * heads * row), heads)),
    ),
  };
  return { media, layers, heads, latents, probabilities, ...(rollout ? { rollout } : {}) };
}

/** Undefined where a medium was added without its rollout, or none is seen. */
function rolloutsOf({ parts }: ContextRunner, media: readonly MediaHandle[]): MediaRollout[] | undefined {
  const known = media.flatMap((handle) => parts.rollouts.of(parts.media.get(handle)) ?? []);
  return media.length > 0 && known.length === media.length ? known : undefined;
}

function followed(
  media: readonly MediaHandle[],
  rollouts: readonly MediaRollout[],
  attention: Float32Array,
): AttentionRollout {
  const { maps, learned } = follow(rollouts, attention);
  return {
    learned,
    maps: maps.map((map, m) => {
      const { frames, grid, tiles } = rollouts[m];
      return { media: media[m], frames, height: grid.height, width: grid.width, ...(tiles ? { tiles } : {}), ...map };
    }),
  };
}
