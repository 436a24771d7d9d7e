import { roundToBfloat } from '../../core/half';
import { embeddingWidth, type FlamingoConfig, finalNorm, mediaHeads, selfBlocks } from '../../format/config';
import {
  add,
  dot,
  feedForward,
  head,
  linear,
  mix,
  normalize,
  normalizeHead,
  type Rows,
  rowsOf,
  softmax,
  type WeightValues,
} from './math';
import type { ReferenceMedium } from './resampler';

export interface ReferenceTokens {
  ids: readonly number[];
  /** Per token: the medium it sees, or -1. */
  mediaIndex: readonly number[];
  /** Per token: the first medium of its range, which ends with `mediaIndex`; that one alone where nothing is said. */
  mediaFirst?: readonly number[];
  media: readonly ReferenceMedium[];
}

export interface ReferenceResult {
  /** [T, V] */
  logits: Rows;
  /** After each block, [T, D]. */
  hidden: Rows[];
  /** Per gated layer and head: [T, M*n]. */
  attention: Rows[][];
}

/** The whole language model with its gated layers over a whole sequence at once, f64, without a cache: Flamingo §2.2 around a plain transformer. */
export function decode(config: FlamingoConfig, values: WeightValues, tokens: ReferenceTokens): ReferenceResult {
  const { decoder: d, gated, width: D } = config;
  const E = embeddingWidth(config);
  const project = (rows: Rows, name: string) => (E === D ? rows : linear(rows, values(name)));
  const table = rowsOf(values('embed.weight'), E);
  const embedded = project(
    tokens.ids.map((id) => table[id]),
    'embed.project.weight',
  );
  let x = embedded.map((row, p) => row.map((v, c) => v + learnedPosition(config, values, p)[c]));
  const own = new Set(selfBlocks(config));
  const hidden: Rows[] = [];
  const attention: Rows[][] = [];
  for (let i = 0; i < d.layers; i++) {
    const k = gated.before.indexOf(i);
    if (k >= 0) {
      const layer = gatedLayer(config, values, k, x, tokens);
      x = layer.y;
      attention.push(layer.probabilities);
    }
    if (own.has(i)) x = block(config, values, i, x);
    hidden.push(x);
  }
  const last = finalNorm(d);
  const normed = project(last ? normalize(x, 'norm', last, values) : x, 'head.project.weight');
  const bias = d.bias.head ? values('head.bias') : undefined;
  return { logits: linear(normed, values(d.tiedHead ? 'embed.weight' : 'head.weight'), bias), hidden, attention };
}

function learnedPosition(
  { decoder: { position }, width }: FlamingoConfig,
  values: WeightValues,
  p: number,
): ArrayLike<number> {
  if (position.kind !== 'learned') return new Float64Array(width);
  const row = p + position.offset;
  return values('positions.weight').subarray(row * width, (row + 1) * width);
}

/**
 * y = x + tanh(attn_gate) xattn(norm x); y + tanh(ff_gate) ff(norm y). A token reads the latents of its own medium, or of a range of media; without one it gets 0.
 * With lead `no-feed-forward`, tokens before the first medium read everything, and the feed-forward gives them 0.
 */
function gatedLayer(config: FlamingoConfig, values: WeightValues, k: number, x: Rows, tokens: ReferenceTokens) {
  const { gated: g, resampler } = config;
  const { mediaIndex, media } = tokens;
  const at = `gated.${k}`;
  const q = linear(normalize(x, `${at}.norm`, g.norm, values), values(`${at}.to_q.weight`));
  const probabilities: Rows[] = Array.from({ length: g.heads }, () => []);
  const attended = q.map((row, t) => {
    const seen = seenLatents(config, tokens, t);
    return Array.from({ length: g.heads }, (_, h) => {
      const all = new Array<number>(Math.max(1, media.length) * resampler.latents).fill(0);
      probabilities[h].push(all);
      if (seen.length === 0) return new Array<number>(g.headDim).fill(0);
      const kv = Math.floor((h * mediaHeads(g)) / g.heads);
      const part = (of: Rows, j: number) => of[j].slice(kv * g.headDim, (kv + 1) * g.headDim);
      const [query] = normalizeHead([row.slice(h * g.headDim, (h + 1) * g.headDim)], `${at}.norm_q`, g.qkNorm, values);
      const keys = normalizeHead(
        seen.map(({ m, j }) => part(media[m].layers[k].keys, j)),
        `${at}.norm_k`,
        g.qkNorm,
        values,
      );
      const weights = softmax(keys.map((key) => dot(query, key) / Math.sqrt(g.headDim)));
      weights.forEach((w, i) => {
        all[seen[i].m * resampler.latents + seen[i].j] = w;
      });
      return mix(
        weights,
        seen.map(({ m, j }) => part(media[m].layers[k].values, j)),
      );
    }).flat();
  });
  const y = add(x, gate(values(`${at}.attn_gate`), linear(attended, values(`${at}.to_out.weight`))));
  const ff = feedForward(normalize(y, `${at}.ff.norm`, g.norm, values), `${at}.ff`, g.feedForward, values);
  const open = ff.map((row, t) => (g.lead === 'no-feed-forward' && mediaIndex[t] < 0 ? row.map(() => 0) : row));
  return { y: add(y, gate(values(`${at}.ff_gate`), open)), probabilities };
}

/** Latents j of media m that token t attends to. */
function seenLatents({ gated, resampler: { latents } }: FlamingoConfig, tokens: ReferenceTokens, t: number) {
  const { media, mediaIndex, mediaFirst = mediaIndex } = tokens;
  const all = gated.lead === 'no-feed-forward' && mediaIndex[t] < 0;
  const pairs = media.flatMap(({ seen = latents }, m) =>
    Array.from({ length: all ? latents : seen }, (_, j) => ({ m, j })),
  );
  return all ? pairs : pairs.filter(({ m }) => m >= mediaFirst[t] && m <= mediaIndex[t]);
}

function gate(stored: Float64Array, x: Rows): Rows {
  return x.map((row) => row.map((v, c) => v * Math.tanh(stored[stored.length > 1 ? c : 0])));
}

function block({ decoder: d }: FlamingoConfig, values: WeightValues, i: number, x: Rows): Rows {
  const at = `blocks.${i}`;
  if (d.normPlacement === 'after') {
    const y = normalize(add(x, selfAttention(d, values, at, x)), `${at}.norm1`, d.norm, values);
    return normalize(add(y, feedForward(y, `${at}.ff`, d.feedForward, values)), `${at}.norm2`, d.norm, values);
  }
  const after = add(x, selfAttention(d, values, at, normalize(x, `${at}.norm1`, d.norm, values)));
  const source = d.parallelResidual ? x : after;
  return add(after, feedForward(normalize(source, `${at}.norm2`, d.norm, values), `${at}.ff`, d.feedForward, values));
}

/** Causal attention; query head h reads key/value head floor(h / group). */
function selfAttention(d: FlamingoConfig['decoder'], values: WeightValues, at: string, x: Rows): Rows {
  const clip = d.clipQkv ?? Number.POSITIVE_INFINITY;
  const qkv = linear(x, values(`${at}.attn.qkv.weight`), d.bias.qkv ? values(`${at}.attn.qkv.bias`) : undefined).map(
    (row) => row.map((v) => Math.min(clip, Math.max(-clip, v))),
  );
  const [qWidth, kvWidth] = [d.heads * d.headDim, d.kvHeads * d.headDim];
  const q = headsOf(
    d,
    values,
    `${at}.attn.q_norm`,
    qkv.map((row) => row.slice(0, qWidth)),
    d.heads,
  );
  const k = headsOf(
    d,
    values,
    `${at}.attn.k_norm`,
    qkv.map((row) => row.slice(qWidth, qWidth + kvWidth)),
    d.kvHeads,
  );
  const v = Array.from({ length: d.kvHeads }, (_, h) =>
    head(
      qkv.map((row) => row.slice(qWidth + kvWidth)),
      h,
      d.headDim,
    ),
  );
  const out = q.map((rows, h) => {
    const kv = Math.floor(h / (d.heads / d.kvHeads));
    return rows.map((query, i) => {
      const scores = k[kv].slice(0, i + 1).map((key, j) => dot(query, key) * d.scale + alibi(d, h, i, j));
      return mix(softmax(scores), v[kv].slice(0, i + 1));
    });
  });
  return linear(
    x.map((_, t) => out.flatMap((rows) => rows[t])),
    values(`${at}.attn.out.weight`),
    d.bias.out ? values(`${at}.attn.out.bias`) : undefined,
  );
}

/** q or k by head, normalised where the model does so, then turned. */
function headsOf(d: FlamingoConfig['decoder'], values: WeightValues, norm: string, x: Rows, heads: number): Rows[] {
  const whole = d.qkNorm?.over === 'width' ? normalize(x, norm, d.qkNorm.norm, values) : x;
  return Array.from({ length: heads }, (_, h) => {
    const rows = head(whole, h, d.headDim);
    const normed = d.qkNorm?.over === 'head' ? normalize(rows, norm, d.qkNorm.norm, values) : rows;
    return normed.map((row, p) => rotate(d, row, p));
  });
}

/** Rotary embedding: Su et al. 2021, eq. 34. Pair i turns by p * theta^(-2i/dims). */
function rotate({ position }: FlamingoConfig['decoder'], row: number[], p: number): number[] {
  if (position.kind !== 'rotary') return row;
  const turned = [...row];
  for (let i = 0; i < position.dims / 2; i++) {
    const [a, b] = position.pairing === 'half' ? [i, i + position.dims / 2] : [2 * i, 2 * i + 1];
    const angle = p * position.theta ** ((-2 * i) / position.dims) * (position.factors?.[i] ?? 1);
    turned[a] = row[a] * Math.cos(angle) - row[b] * Math.sin(angle);
    turned[b] = row[b] * Math.cos(angle) + row[a] * Math.sin(angle);
  }
  return turned;
}

/** Press et al. 2022; rounded as in transformers' build_alibi_tensor of Falcon, which is scaled with the scores. */
function alibi({ position, scale }: FlamingoConfig['decoder'], h: number, i: number, j: number): number {
  if (position.kind !== 'alibi') return 0;
  if (position.rounding) return roundToBfloat(position.slopes[h] * roundToBfloat(j)) * scale;
  return position.slopes[h] * (j - i);
}
