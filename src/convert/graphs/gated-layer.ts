import type { FlamingoConfig } from '../../format/config';
import { type Build, feedForward, joinHeads, linear, normalize, normalizeHeads, splitHeads } from './layers';

interface MediaInputs {
  index: string;
  keys: string;
  values: string;
  batch: string;
}

/**
 * y = y + tanh(attn_gate) * xattn(norm(y), media); y = y + tanh(ff_gate) * ffw(y). A token attends to the latents of its own medium, and gets
 * exactly 0 where it has none. Source: Flamingo §2.2; open_flamingo/src/helpers.py MaskedCrossAttention.
 */
export function gatedLayer(
  build: Build,
  config: FlamingoConfig,
  k: number,
  x: string,
  media: MediaInputs,
): { y: string; probabilities: string } {
  const { g } = build;
  const { gated, width: D } = config;
  const at = `gated.${k}`;
  const inner = gated.heads * gated.headDim;
  const projected = linear(build, normalize(build, x, `${at}.norm`, gated.norm, D), `${at}.to_q.weight`, inner, D);
  const split = splitHeads(build, projected, media.batch, gated.heads, gated.headDim);
  const q = normalizeHeads(build, split, `${at}.norm_q`, gated.qkNorm, gated.headDim);
  const scale = g.scalar(gated.headDim ** -0.5);
  const scores = g.matmul(g.mul(q, scale), g.transpose(latentsOf(build, config, media.keys, k), [0, 1, 3, 2]));
  const allowed = ownMedium(build, config, media);
  const masked = g.op('Where', [allowed, scores, g.scalar(-1e30)]);
  const probabilities = g.mul(g.softmax(masked), g.cast(allowed, 'f32'));
  const attended = g.matmul(probabilities, latentsOf(build, config, media.values, k));
  const out = linear(build, joinHeads(build, attended, gated.heads, gated.headDim), `${at}.to_out.weight`, D, inner);
  const after = g.add(x, g.mul(out, gate(build, config, `${at}.attn_gate`)));
  const ff = feedForward(
    build,
    normalize(build, after, `${at}.ff.norm`, gated.norm, D),
    `${at}.ff`,
    gated.feedForward,
    D,
  );
  return { y: g.add(after, g.mul(ff, gate(build, config, `${at}.ff_gate`))), probabilities };
}

function gate({ g }: Build, { gated, width }: FlamingoConfig, name: string): string {
  return g.op('Tanh', [g.weight(name, 'f32', [gated.gate === 'scalar' ? 1 : width])]);
}

/** Layer k of [G, M, H, n, d] as [1, H, M*n, d]: the latents of all media in a row. */
function latentsOf({ g }: Build, { gated }: FlamingoConfig, all: string, k: number): string {
  const layer = g.gather(all, g.ints([k], []));
  return g.reshape(g.transpose(layer, [1, 0, 2, 3]), [1, gated.heads, -1, gated.headDim]);
}

/** [B, 1, T, M*n]: whether latent j belongs to the medium that token t sees. */
function ownMedium({ g }: Build, { resampler: { latents } }: FlamingoConfig, { index, keys }: MediaInputs): string {
  const count = g.mul(g.size(keys, 1), g.ints([latents]));
  const owner = g.op('Div', [g.range(count), g.ints([latents])]); // integers: floor(j / n)
  return g.op('Equal', [g.unsqueeze(index, 1, 3), g.unsqueeze(owner, 0, 1, 2)]);
}
