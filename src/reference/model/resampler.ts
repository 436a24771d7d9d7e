import { type FlamingoConfig, type PerceiverConfig, perceiverOf } from '../../format/config';
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
  const latents = config.resampler.kind === 'projection' ? project(x, values) : perceiver(config, values, x);
  const layers = config.gated.before.map((_, k) => keyValues(linear(latents, values(`gated.${k}.to_kv.weight`))));
  return { latents, layers, seen };
}

function project(x: Rows, values: WeightValues): Rows {
  return linear(x, values('resampler.projection.weight'), values('resampler.projection.bias'));
}

/**
 * Written from Flamingo §2.1 and open_flamingo PerceiverResampler: latents attend over concat(norm(features), norm(latents)), then a feed-forward, both with
 * residuals; a final norm.
 */
function perceiver(config: FlamingoConfig, values: WeightValues, features: Rows): Rows {
  const { vision } = config;
  const r = perceiverOf(config);
  const frames = embeddings(r.maxFrames, values, features.length / vision.patches, vision.width);
  const x = features.map((row, i) => {
    const frame = frames?.[Math.floor(i / vision.patches)];
    return row.map((value, c) => value + (frame?.[c] ?? 0));
  });
  let latents = rowsOf(values('resampler.latents'), vision.width);
  for (let i = 0; i < r.layers; i++) {
    const at = `resampler.layers.${i}`;
    latents = add(latents, perceive(r, at, x, latents, values));
    const normed = normalize(latents, `${at}.ff.norm`, r.norm, values);
    latents = add(latents, feedForward(normed, `${at}.ff`, r.feedForward, values));
  }
  return normalize(latents, 'resampler.norm', r.norm, values);
}

function embeddings(rows: number | null, values: WeightValues, frames: number, width: number): Rows | undefined {
  if (rows === null) return undefined;
  return rowsOf(frameEmbeddings(values('resampler.frame_embeddings'), frames, rows, width), width);
}

function perceive(r: PerceiverConfig, at: string, x: Rows, latents: Rows, values: WeightValues): Rows {
  const normed = normalize(latents, `${at}.norm_latents`, r.norm, values);
  const context = [...normalize(x, `${at}.norm_media`, r.norm, values), ...normed];
  const q = linear(normed, values(`${at}.to_q.weight`));
  const { keys, values: v } = keyValues(linear(context, values(`${at}.to_kv.weight`)));
  const heads = Array.from({ length: r.heads }, (_, h) => {
    const [qh, kh, vh] = [q, keys, v].map((rows) => head(rows, h, r.headDim));
    const queries = normalizeHead(qh, `${at}.norm_q`, r.qkNorm, values);
    const normed = normalizeHead(kh, `${at}.norm_k`, r.qkNorm, values);
    return queries.map((row) => mix(softmax(normed.map((key) => dot(row, key) / Math.sqrt(r.headDim))), vh));
  });
  return linear(
    q.map((_, i) => heads.flatMap((rows) => rows[i])),
    values(`${at}.to_out.weight`),
  );
}

/** The first half of the columns are keys, the second values. */
function keyValues(kv: Rows): MediaKeyValues {
  const half = kv[0].length / 2;
  return { keys: kv.map((row) => row.slice(0, half)), values: kv.map((row) => row.slice(half)) };
}
