import type { WeightType } from '../../core/dtypes';
import { type FlamingoConfig, latentWidth, mediaHeads, type PerceiverConfig, perceiverOf } from '../../format/config';
import { resamplerAttentionName } from '../../format/tensor-names';
import { frameEmbeddings } from './frame-embeddings';
import { GraphBuilder, type GraphPlan } from './graph-builder';
import { type Build, feedForward, joinHeads, linear, normalize, normalizeHeads, splitHeads } from './layers';

/**
 * features [M,F,v,Dv] -> latents [M,n,width], media_key and media_value [G,M,Hkv,n,d] of the G gated layers; on request `resampler_attention.<layer>`
 * [M,H,n,F*v+n], which is made in any case.
 */
export function buildResampler(config: FlamingoConfig, type: WeightType): GraphPlan {
  const g = new GraphBuilder('resampler');
  const build = { g, type };
  const { resampler, vision } = config;
  const features = g.input('features', 'f32', ['M', 'F', vision.patches, vision.width]);
  const media = g.size(features, 0);
  const { latents, attention } = latentMaker(resampler)(build, config, features, media);
  g.output(latents, 'latents', 'f32', ['M', resampler.latents, latentWidth(config)]);
  mediaKeyValues(build, config, latents, media);
  for (const [i, probabilities] of attention.entries()) {
    const { heads } = perceiverOf(config);
    g.output(probabilities, resamplerAttentionName(i), 'f32', ['M', heads, resampler.latents, 'F*v+n']);
  }
  return g.plan();
}

/** Latents, and the probabilities of every resampler layer. */
interface Made {
  latents: string;
  attention: string[];
}

function latentMaker({ kind }: FlamingoConfig['resampler']): typeof perceive {
  if (kind === 'none') return keep;
  return kind === 'projection' ? project : perceive;
}

/** The features as they are: transformers IdeficsModel with `use_resampler` false. */
function keep({ g }: Build, { vision, resampler }: FlamingoConfig, features: string, media: string): Made {
  const shape = g.concat([media, g.ints([resampler.latents, vision.width])], 0);
  return { latents: g.reshape(features, shape), attention: [] };
}

/** One latent for every feature: transformers MllamaForConditionalGeneration.multi_modal_projector. */
function project(build: Build, { vision, width: D, resampler }: FlamingoConfig, features: string, media: string): Made {
  const { g } = build;
  const rows = g.reshape(features, [-1, vision.width]);
  const projected = linear(build, rows, 'resampler.projection.weight', D, vision.width, true);
  return { latents: g.reshape(projected, g.concat([media, g.ints([resampler.latents, D])], 0)), attention: [] };
}

/**
 * features [M,F,v,Dv] -> latents [M,n,Dv].
 * Source: Flamingo §2.1; open_flamingo/src/helpers.py PerceiverResampler and PerceiverAttention.
 */
function perceive(build: Build, config: FlamingoConfig, features: string, media: string): Made {
  const { g } = build;
  const r = perceiverOf(config);
  const [Dv, n] = [config.vision.width, r.latents];
  let x = features;
  if (r.maxFrames !== null) x = g.add(x, g.unsqueeze(frameEmbeddings(g, r.maxFrames, Dv, g.size(x, 1)), 0, 2));
  x = g.reshape(x, g.concat([media, g.ints([-1, Dv])], 0));
  const initial = g.weight('resampler.latents', 'f32', [n, Dv]);
  let latents = g.op('Expand', [initial, g.concat([media, g.ints([n, Dv])], 0)]);
  const attention: string[] = [];
  for (let i = 0; i < r.layers; i++) {
    const layer = perceiverLayer(build, r, Dv, `resampler.layers.${i}`, x, latents, media);
    latents = layer.latents;
    attention.push(layer.probabilities);
  }
  return { latents: normalize(build, latents, 'resampler.norm', r.norm, Dv), attention };
}

function perceiverLayer(
  build: Build,
  r: PerceiverConfig,
  Dv: number,
  at: string,
  x: string,
  latents: string,
  media: string,
): { latents: string; probabilities: string } {
  const { g } = build;
  const inner = r.heads * r.headDim;
  const rows = (value: string) => g.reshape(value, [-1, Dv]);
  const back = (value: string) => g.reshape(value, g.concat([media, g.ints([-1, Dv])], 0));
  const normedMedia = normalize(build, x, `${at}.norm_media`, r.norm, Dv);
  const normedLatents = normalize(build, latents, `${at}.norm_latents`, r.norm, Dv);
  const queries = linear(build, rows(normedLatents), `${at}.to_q.weight`, inner, Dv);
  const q = normalizeHeads(
    build,
    splitHeads(build, queries, media, r.heads, r.headDim),
    `${at}.norm_q`,
    r.qkNorm,
    r.headDim,
  );
  const both = g.concat([normedMedia, normedLatents], 1);
  const kv = linear(build, rows(both), `${at}.to_kv.weight`, 2 * inner, Dv);
  const [keys, v] = g.split(kv, [inner, inner], -1).map((part) => splitHeads(build, part, media, r.heads, r.headDim));
  const k = normalizeHeads(build, keys, `${at}.norm_k`, r.qkNorm, r.headDim);
  const scores = g.matmul(g.mul(q, g.scalar(r.headDim ** -0.5)), g.transpose(k, [0, 1, 3, 2]));
  const probabilities = g.softmax(scores);
  const attended = joinHeads(build, g.matmul(probabilities, v), r.heads, r.headDim);
  const after = g.add(latents, back(linear(build, attended, `${at}.to_out.weight`, Dv, inner)));
  const normed = normalize(build, rows(after), `${at}.ff.norm`, r.norm, Dv);
  return { latents: g.add(after, back(feedForward(build, normed, `${at}.ff`, r.feedForward, Dv))), probabilities };
}

/** Keys and values of every gated layer, stacked: what the decoder reads instead of the latents. */
function mediaKeyValues(build: Build, config: FlamingoConfig, latents: string, media: string): void {
  const { gated, resampler } = config;
  if (gated.before.length === 0) return;
  const { g } = build;
  const [heads, width] = [mediaHeads(gated), latentWidth(config)];
  const inner = heads * gated.headDim;
  const rows = g.reshape(latents, [-1, width]);
  const layers = gated.before.map((_, k) => {
    const kv = linear(build, rows, `gated.${k}.to_kv.weight`, 2 * inner, width);
    const [keys, values] = g
      .split(kv, [inner, inner], -1)
      .map((part) => splitHeads(build, part, media, heads, gated.headDim));
    const normed = normalizeHeads(build, keys, `gated.${k}.norm_k`, gated.qkNorm, gated.headDim);
    return [g.unsqueeze(normed, 0), g.unsqueeze(values, 0)];
  });
  const shape = [gated.before.length, 'M', heads, resampler.latents, gated.headDim];
  g.output(
    g.concat(
      layers.map(([key]) => key),
      0,
    ),
    'media_key',
    'f32',
    shape,
  );
  g.output(
    g.concat(
      layers.map(([, value]) => value),
      0,
    ),
    'media_value',
    'f32',
    shape,
  );
}
