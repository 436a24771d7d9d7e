import { type FlamingoConfig, isPerceiver, type PerceiverConfig, perceiverOf } from '../../format/config';
import { frameEmbeddings } from '../embed/add-frames';
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

/** Keys and values [n, Hkv*d] of one medium for one gated layer. */
export interface MediaKeyValues {
  keys: Rows;
  values: Rows;
}

/** One picture or clip after the resampler: latents [n, Dv], and what each gated layer reads of them. */
export interface ReferenceMedium {
  latents: Rows;
  layers: MediaKeyValues[];
  /** Probabilities [n, F*v + n] of every head of every resampler layer; none where there is no Perceiver Resampler. */
  attention: Rows[][];
  /** Latents that tokens see; all of them where nothing is said. */
  seen?: number;
}

/** features [F, v, Dv] of one medium -> latents and key/values, f64. */
export function resample(
  config: FlamingoConfig,
  values: WeightValues,
  features: ArrayLike<number>,
  seen?: number,
): ReferenceMedium {
  const x = rowsOf(features, config.vision.width);
  const { latents, attention } = isPerceiver(config.resampler)
    ? perceiver(config, values, x)
    : { latents: config.resampler.kind === 'none' ? x : project(x, values), attention: [] };
  const layers = config.gated.before.map((_, k) => keyValues(linear(latents, values(`gated.${k}.to_kv.weight`))));
  return { latents, layers, seen, attention };
}

function project(x: Rows, values: WeightValues): Rows {
  return linear(x, values('resampler.projection.weight'), values('resampler.projection.bias'));
}

/**
 * Written from Flamingo §2.1 and open_flamingo PerceiverResampler: latents attend over concat(norm(features), norm(latents)), then a feed-forward, both with
 * residuals; a final norm.
 */
function perceiver(
  config: FlamingoConfig,
  values: WeightValues,
  features: Rows,
): Pick<ReferenceMedium, 'latents' | 'attention'> {
  const { vision } = config;
  const r = perceiverOf(config);
  const frames = embeddings(r.maxFrames, values, features.length / vision.patches, vision.width);
  const x = features.map((row, i) => {
    const frame = frames?.[Math.floor(i / vision.patches)];
    return row.map((value, c) => value + (frame?.[c] ?? 0));
  });
  let latents = rowsOf(values('resampler.latents'), vision.width);
  const attention: Rows[][] = [];
  for (let i = 0; i < r.layers; i++) {
    const at = `resampler.layers.${i}`;
    const { heads, y } = perceive(r, at, x, latents, values);
    attention.push(heads);
    latents = add(latents, y);
    const normed = normalize(latents, `${at}.ff.norm`, r.norm, values);
    latents = add(latents, feedForward(normed, `${at}.ff`, r.feedForward, values));
  }
  return { latents: normalize(latents, 'resampler.norm', r.norm, values), attention };
}

function embeddings(rows: number | null, values: WeightValues, frames: number, width: number): Rows | undefined {
  if (rows === null) return undefined;
  return rowsOf(frameEmbeddings(values('resampler.frame_embeddings'), frames, rows, width), width);
}

/** Probabilities of every head, and what the layer's attention adds to the latents. */
function perceive(
  r: PerceiverConfig,
  at: string,
  x: Rows,
  latents: Rows,
  values: WeightValues,
): { heads: Rows[]; y: Rows } {
  const normed = normalize(latents, `${at}.norm_latents`, r.norm, values);
  const context = [...normalize(x, `${at}.norm_media`, r.norm, values), ...normed];
  const q = linear(normed, values(`${at}.to_q.weight`));
  const { keys, values: v } = keyValues(linear(context, values(`${at}.to_kv.weight`)));
  const heads = Array.from({ length: r.heads }, (_, h) => {
    const [qh, kh] = [q, keys].map((rows) => head(rows, h, r.headDim));
    const queries = normalizeHead(qh, `${at}.norm_q`, r.qkNorm, values);
    const normed = normalizeHead(kh, `${at}.norm_k`, r.qkNorm, values);
    return queries.map((row) => softmax(normed.map((key) => dot(row, key) / Math.sqrt(r.headDim))));
  });
  const attended = q.map((_, i) => heads.flatMap((rows, h) => mix(rows[i], head(v, h, r.headDim))));
  return { heads, y: linear(attended, values(`${at}.to_out.weight`)) };
}

/** The first half of the columns are keys, the second values. */
function keyValues(kv: Rows): MediaKeyValues {
  const half = kv[0].length / 2;
  return { keys: kv.map((row) => row.slice(0, half)), values: kv.map((row) => row.slice(half)) };
}
