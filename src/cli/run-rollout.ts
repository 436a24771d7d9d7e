import { concatFloats } from '../core/concat';
import { perceiverOf } from '../format/config';
import type { LoadedParts } from '../session/load-with';
import { type FollowedMedium, follow, type MediaRollout, meanOverHeads } from '../session/rollout';
import type { Add, RunTensors, VisualEntry } from './run-tensors';

/** `resampler_attention.<layer>` [M, H, n, F*v + n]: what the latents of each picture or clip attended to. Throws `unsupported` as the executor does. */
export async function addResamplerAttention(
  add: Add,
  { engine, manifest: { config } }: LoadedParts,
  visual: readonly VisualEntry[],
): Promise<void> {
  const all: Float32Array[][] = [];
  for (const { features, pixels } of visual) all.push(await engine.resamplerAttention(features, pixels.frames));
  const { heads, latents } = perceiverOf(config);
  for (const [i, first] of all[0].entries()) {
    const shape = [visual.length, heads, latents, first.length / heads / latents];
    add(`resampler_attention.${i}`, shape, concatFloats(all.map((layers) => layers[i])));
  }
}

/** The rollouts of a request's media. Throws `unsupported` as `session.addMedia` does. */
export async function makeRollouts({ parts }: LoadedParts, visual: readonly VisualEntry[]): Promise<MediaRollout[]> {
  const made: MediaRollout[] = [];
  for (const { media, pixels, features } of visual)
    made.push(await parts.rollouts.make(media, pixels, async () => features));
  return made;
}

/**
 * Where the attention of every token of the prompt leads, and of every step of the answer (names with `generated_`): `rollout` [T, M, F, height, width], the share
 * of class tokens `rollout_class` [T, M], and what led to learned latents `rollout_learned` [T]. Values and class tokens of a token sum to 1, or are 0 where it
 * sees nothing.
 */
export function addRollouts(add: Add, config: LoadedParts['manifest']['config'], got: RunTensors): void {
  const { gated, resampler } = config;
  const attention = concatFloats(
    [...got.taps].flatMap(([name, values]) => (name.startsWith('attention.') ? [values] : [])),
  );
  const mean = meanOverHeads(attention, gated.before.length * gated.heads); // [T, M*n]
  const row = got.visual.length * resampler.latents;
  const prompt = got.ids.map((_, t) => follow(got.rollouts, mean.subarray(t * row, (t + 1) * row)));
  addEach(add, '', prompt, got.rollouts);
  const first = Math.max(0, got.mediaFirst.at(-1) ?? 0); // an answer sees what the last token of its prompt sees
  const answer = got.generated.flatMap(({ attention: at }) => (at ? [at] : []));
  const none = got.rollouts.map(({ frames, grid }) => ({
    values: new Float32Array(frames * grid.height * grid.width),
    classToken: 0,
  }));
  const steps = answer.map(({ rollout }) => {
    const maps: FollowedMedium[] = [...none];
    for (const [m, map] of (rollout?.maps ?? []).entries()) maps[first + m] = map;
    return { maps, learned: rollout?.learned ?? 0 };
  });
  if (steps.length > 0) addEach(add, 'generated_', steps, got.rollouts);
}

function addEach(
  add: Add,
  prefix: string,
  tokens: readonly { maps: readonly FollowedMedium[]; learned: number }[],
  [{ frames, grid }, ...others]: readonly MediaRollout[],
): void {
  const shape = [tokens.length, 1 + others.length];
  const values = concatFloats(tokens.flatMap(({ maps }) => maps.map((map) => map.values)));
  const classes = tokens.flatMap(({ maps }) => maps.map(({ classToken }) => classToken));
  add(`${prefix}rollout`, [...shape, frames, grid.height, grid.width], values);
  add(`${prefix}rollout_class`, shape, Float32Array.from(classes));
  add(
    `${prefix}rollout_learned`,
    [tokens.length],
    Float32Array.from(tokens, ({ learned }) => learned),
  );
}
