import type { WeightType } from '../../core/dtypes';
import {
  embeddingWidth,
  type FlamingoConfig,
  finalNorm,
  mediaHeads,
  seesRanges,
  selfBlocks,
} from '../../format/config';
import { gatedLayer, type MediaInputs } from './gated-layer';
import { GraphBuilder, type GraphPlan } from './graph-builder';
import { type Build, feedForward, linear, normalize, tableRows } from './layers';
import { type Positions, positions, selfAttention } from './self-attention';

export interface DecoderOptions {
  /** Cache of fixed length, written in place of `position`; one token per run. For runtimes that want fixed shapes. */
  staticCache?: number;
  /** Also take `given` [B,T,E]: where an id is negative, its row stands in the place of the table's. */
  given?: boolean;
  /** Also give `hidden.<block>` and `attention.<gated layer>`. */
  taps?: boolean;
}

/**
 * input_ids [B,T], position [1], media_index [B,T] (-1: no picture yet), media_key/value [G,M,Hkv,n,d], past_key/value.<i> [B,Hkv,P,d]
 * visual_strength [1], a factor on every gate -> logits [B,T,V], present_key/value.<i> [B,Hkv,P+T,d]. Where a token sees a range of media, media_first [B,T] begins it, and media_seen [M] says how many
 * latents of each medium are seen.
 */
export function buildDecoder(config: FlamingoConfig, type: WeightType, options: DecoderOptions = {}): GraphPlan {
  const g = new GraphBuilder('decoder');
  const build: Build = { g, type };
  const { decoder: d, gated, width: D, vocab: V } = config;
  const ids = g.input('input_ids', 'i64', ['B', 'T']);
  const position = g.input('position', 'i64', [1]);
  const batch = g.size(ids, 0);
  const at = positions(build, config, { ids, position, options });
  const media = mediaInputs(build, config, options);
  let x = embedding(build, config, ids, options);
  if (d.position.kind === 'learned') x = addLearnedPositions(build, config, x, at, batch);
  const own = new Set(selfBlocks(config));
  for (let i = 0; i < d.layers; i++) {
    const k = gated.before.indexOf(i);
    if (k >= 0) {
      const { y, probabilities } = gatedLayer(build, config, k, x, { ...media, batch });
      x = y;
      if (options.taps) g.output(probabilities, `attention.${k}`, 'f32', ['B', gated.heads, 'T', 'M*n']);
    }
    if (own.has(i)) x = block(build, config, i, x, at, batch);
    if (options.taps) g.output(rowsToTokens(build, x, batch, D), `hidden.${i}`, 'f32', ['B', 'T', D]);
  }
  const head = d.tiedHead ? 'embed.weight' : 'head.weight';
  const last = finalNorm(d);
  if (last) x = normalize(build, x, 'norm', last, D);
  const E = embeddingWidth(config);
  if (E !== D) x = linear(build, x, 'head.project.weight', E, D);
  let logits = linear(build, x, head, V, E);
  if (d.bias.head) logits = g.add(logits, g.weight('head.bias', 'f32', [V]));
  g.output(rowsToTokens(build, logits, batch, V), 'logits', 'f32', ['B', 'T', V]);
  return g.plan();
}

/** Rows of the embedding table [B*T, E], and those that are given as vectors, projected to [B*T, D] where they are not as wide. */
function embedding(build: Build, config: FlamingoConfig, ids: string, { given }: DecoderOptions): string {
  const { g } = build;
  const { width: D, vocab, embeddings = vocab } = config;
  const E = embeddingWidth(config);
  const flat = g.reshape(ids, [-1]);
  const rows = (of: string) => tableRows(build, 'embed.weight', of, embeddings, E);
  const vectors = () => g.reshape(g.input('given', 'f32', ['B', 'T', E]), [-1, E]);
  const isGiven = () => g.unsqueeze(g.op('Less', [flat, g.ints([0])]), -1);
  const x = given ? g.op('Where', [isGiven(), vectors(), rows(g.op('Max', [flat, g.ints([0])]))]) : rows(flat);
  return E === D ? x : linear(build, x, 'embed.project.weight', D, E);
}

/** x + attn(norm1 x) + ffn(norm2 x), or one after the other, or with the norms behind the sums. x [B*T, D]. */
function block(build: Build, config: FlamingoConfig, i: number, x: string, at: Positions, batch: string): string {
  const { g } = build;
  const { decoder: d, width: D } = config;
  const name = `blocks.${i}`;
  if (d.normPlacement === 'after') {
    const sum = g.add(x, selfAttention(build, config, i, x, at, batch));
    const y = normalize(build, sum, `${name}.norm1`, d.norm, D);
    const ff = feedForward(build, y, `${name}.ff`, d.feedForward, D);
    return normalize(build, g.add(y, ff), `${name}.norm2`, d.norm, D);
  }
  const attended = selfAttention(build, config, i, normalize(build, x, `${name}.norm1`, d.norm, D), at, batch);
  const after = g.add(x, attended);
  const source = d.parallelResidual ? x : after;
  return g.add(
    after,
    feedForward(build, normalize(build, source, `${name}.norm2`, d.norm, D), `${name}.ff`, d.feedForward, D),
  );
}

function mediaInputs({ g }: Build, config: FlamingoConfig, options: DecoderOptions): Omit<MediaInputs, 'batch'> {
  const { gated, resampler } = config;
  const shape = [gated.before.length, 'M', mediaHeads(gated), resampler.latents, gated.headDim];
  if (gated.before.length === 0) return { index: '', keys: '', values: '' };
  return {
    index: g.input('media_index', 'i64', ['B', 'T']),
    ...(seesRanges(config)
      ? { first: g.input('media_first', 'i64', ['B', 'T']), seen: g.input('media_seen', 'i64', ['M']) }
      : {}),
    keys: g.input('media_key', 'f32', shape),
    values: g.input('media_value', 'f32', shape),
    ...(options.staticCache ? {} : { strength: g.input('visual_strength', 'f32', [1]) }),
  };
}

function addLearnedPositions(
  { g }: Build,
  { decoder, width: D }: FlamingoConfig,
  x: string,
  at: Positions,
  batch: string,
): string {
  if (decoder.position.kind !== 'learned') return x;
  const table = g.weight('positions.weight', 'f32', [decoder.position.rows, D]);
  const rows = g.gather(table, g.add(at.index, g.ints([decoder.position.offset])));
  const tokens = g.reshape(x, g.concat([batch, g.ints([-1, D])], 0));
  return g.reshape(g.add(tokens, rows), [-1, D]);
}

function rowsToTokens({ g }: Build, rows: string, batch: string, width: number): string {
  return g.reshape(rows, g.concat([batch, g.ints([-1, width])], 0));
}
