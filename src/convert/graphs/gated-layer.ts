import { type FlamingoConfig, mediaHeads } from '../../format/config';
import { type Build, feedForward, joinHeads, linear, normalize, normalizeHeads, splitHeads } from './layers';

export interface MediaInputs {
  index: string;
  /** First medium of each token's range, and seen latents of each medium; only for models whose tokens see ranges. */
  first?: string;
  seen?: string;
  keys: string;
  values: string;
  /** Factor on every gate, [1]; graphs with fixed shapes have none. */
  strength?: string;
  batch: string;
}

/**
 * y = y + tanh(attn_gate) * xattn(norm(y), media); y = y + tanh(ff_gate) * ffw(y). A token attends to the latents of its own medium or range of media, and gets
 * exactly 0 where it has none. Source: Flamingo §2.2; open_flamingo/src/helpers.py MaskedCrossAttention; transformers MllamaCrossAttentionDecoderLayer.
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
  const { attended, probabilities } = attend(build, config, k, q, media);
  const out = linear(build, joinHeads(build, attended, gated.heads, gated.headDim), `${at}.to_out.weight`, D, inner);
  const after = g.add(x, g.mul(out, gate(build, config, `${at}.attn_gate`, media)));
  const ff = feedForward(
    build,
    normalize(build, after, `${at}.ff.norm`, gated.norm, D),
    `${at}.ff`,
    gated.feedForward,
    D,
  );
  const opened = gated.lead === 'no-feed-forward' ? g.mul(ff, isOpen(build, media)) : ff;
  return { y: g.add(after, g.mul(opened, gate(build, config, `${at}.ff_gate`, media))), probabilities };
}

/** softmax(q k^T) v over what each token sees: [B, H, T, d], and the probabilities [B, H, T, M*n]. Grouped heads get an axis of their own. */
function attend(build: Build, config: FlamingoConfig, k: number, q: string, media: MediaInputs) {
  const { g } = build;
  const { heads, headDim: d } = config.gated;
  const kvHeads = mediaHeads(config.gated);
  const isGrouped = kvHeads !== heads;
  const grouped = (x: string) =>
    g.reshape(x, g.concat([g.size(x, 0), g.ints([kvHeads, heads / kvHeads]), g.size(x, 2), g.ints([-1])], 0));
  const merged = (x: string) =>
    g.reshape(x, g.concat([g.size(x, 0), g.ints([heads]), g.op('Shape', [x], { start: 3 })], 0));
  const [keys, values] = [media.keys, media.values].map((all) => latentsOf(build, config, all, k));
  const perGroup = (x: string) => (isGrouped ? g.unsqueeze(x, 2) : x);
  const scaled = g.mul(q, g.scalar(d ** -0.5));
  const scores = g.matmul(isGrouped ? grouped(scaled) : scaled, perGroup(g.transpose(keys, [0, 1, 3, 2])));
  const allowed = perGroup(media.first ? rangeOfMedia(build, config, media) : ownMedium(build, config, media));
  const masked = g.op('Where', [allowed, scores, g.scalar(-1e30)]);
  const weights = g.mul(g.softmax(masked), g.cast(allowed, 'f32'));
  const attended = g.matmul(weights, perGroup(values));
  return isGrouped
    ? { attended: merged(attended), probabilities: merged(weights) }
    : { attended, probabilities: weights };
}

/** [B*T, 1]: 1 for tokens at or behind the first medium, 0 for those before it. */
function isOpen({ g }: Build, { index }: MediaInputs): string {
  return g.cast(g.op('GreaterOrEqual', [g.reshape(index, [-1, 1]), g.ints([0])]), 'f32');
}

function gate({ g }: Build, { gated, width }: FlamingoConfig, name: string, { strength }: MediaInputs): string {
  const value = g.op('Tanh', [g.weight(name, 'f32', [gated.gate === 'scalar' ? 1 : width])]);
  return strength ? g.mul(value, strength) : value;
}

/** Layer k of [G, M, Hkv, n, d] as [1, Hkv, M*n, d]: the latents of all media in a row. */
function latentsOf({ g }: Build, { gated }: FlamingoConfig, all: string, k: number): string {
  const layer = g.gather(all, g.ints([k], []));
  return g.reshape(g.transpose(layer, [1, 0, 2, 3]), [1, mediaHeads(gated), -1, gated.headDim]);
}

/** [B, 1, T, M*n]: whether latent j belongs to the medium that token t sees. */
function ownMedium({ g }: Build, { resampler: { latents } }: FlamingoConfig, { index, keys }: MediaInputs): string {
  const count = g.mul(g.size(keys, 1), g.ints([latents]));
  const owner = g.op('Div', [g.range(count), g.ints([latents])]); // integers: floor(j / n)
  return g.op('Equal', [g.unsqueeze(index, 1, 3), g.unsqueeze(owner, 0, 1, 2)]);
}

/**
 * [B, 1, T, M*n]: whether latent j is a seen one of the media that token t sees. Where the layer says so, tokens before the first medium see all latents, padding
 * too.
 */
function rangeOfMedia({ g }: Build, { resampler, gated }: FlamingoConfig, media: MediaInputs): string {
  const n = g.ints([resampler.latents]);
  const all = g.range(g.mul(g.size(media.keys, 1), n));
  const owner = g.op('Div', [all, n]); // integers: floor(j / n)
  const isSeen = g.op('Less', [g.op('Mod', [all, n]), g.gather(media.seen ?? '', owner)]);
  const [index, first] = [media.index, media.first ?? ''].map((name) => g.unsqueeze(name, 1, 3));
  const inRange = g.op('And', [g.op('LessOrEqual', [first, owner]), g.op('LessOrEqual', [owner, index])]);
  const seen = g.op('And', [inRange, isSeen]);
  return gated.lead === 'no-feed-forward' ? g.op('Or', [seen, g.op('Less', [index, g.ints([0])])]) : seen;
}
