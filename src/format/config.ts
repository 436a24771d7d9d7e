import * as v from 'valibot';
import { FlamingoError } from '../core/errors';

/**
 * The architecture of a Flamingo as data. Every difference between families is a field here; nothing outside `convert`
 * branches on a family. Letters as in ARCHITECTURE.md: D LM width, Dv vision width, V vocabulary, n latents, L blocks.
 */

/** Sizes far beyond any model are damage: they must not become allocations. */
const count = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(2 ** 24));
const layerCount = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1024));
const natural = v.pipe(v.number(), v.integer(), v.minValue(0));

/** gelu is the exact (erf) form; gelu-tanh its approximation; quick-gelu x * sigmoid(1.702 x); relu2 the squared ReLU. */
export const ACTIVATIONS = ['none', 'gelu', 'gelu-tanh', 'quick-gelu', 'relu', 'relu2', 'silu'] as const;
export const activation = v.picklist(ACTIVATIONS);

/** `layer`: (x - mean) / sqrt(var + eps); `rms`: x / sqrt(mean(x^2) + eps). `bias` is false where the checkpoint has none. */
export const norm = v.pipe(
  v.object({ kind: v.picklist(['layer', 'rms']), eps: v.number(), bias: v.boolean() }),
  v.check(({ kind, bias }) => kind === 'layer' || !bias, 'a root-mean-square norm has no bias'),
);

/** A feed-forward network D -> inner -> D. `gated`: up holds gate rows, then value rows, [2*inner, D]; act(gate) * value. */
export const feedForward = v.object({ inner: count, activation, gated: v.boolean(), bias: v.boolean() });

export const position = v.variant('kind', [
  /**
   * Rotary embedding of the first `dims` of every head. `half` pairs (i, i + dims/2) as GPT-NeoX and LLaMA do, `interleaved` (2i, 2i+1) as GPT-J.
   * Angle of pair i at position p: p * theta^(-2i/dims) (times the optional per-pair `factors`, dims/2 numbers: Llama-3 scaling).
   */
  v.object({
    kind: v.literal('rotary'),
    dims: count,
    theta: v.number(),
    pairing: v.picklist(['half', 'interleaved']),
    factors: v.optional(v.array(v.number())),
  }),
  /** Learned table `positions.weight` [rows, D]; row = position + offset (OPT: offset 2). */
  v.object({ kind: v.literal('learned'), offset: natural, rows: count }),
  /**
   * Attention bias slope_h * (j - i); slopes of the H heads as stored, so that no formula has to be repeated. With `rounding` it is bf16(slope_h * bf16(j)),
   * added to q k^T before the softmax scale, as Falcon does: rounded values of j are not those of j - i.
   */
  v.object({ kind: v.literal('alibi'), slopes: v.array(v.number()), rounding: v.optional(v.literal('bfloat16')) }),
]);

export const decoder = v.object({
  layers: layerCount,
  heads: count,
  kvHeads: count,
  headDim: count,
  norm,
  position,
  /** Normalisation of q and k before rotary: over the full width (MPT-1B), per head, or none. */
  qkNorm: v.nullable(v.object({ over: v.picklist(['width', 'head']), norm })),
  /** Clamp of q, k and v to [-x, x] (MPT clip_qkv). */
  clipQkv: v.nullable(v.number()),
  /** Softmax scale of self-attention; 1/sqrt(headDim) unless the checkpoint says otherwise. */
  scale: v.number(),
  bias: v.object({ qkv: v.boolean(), out: v.boolean(), head: v.boolean() }),
  feedForward,
  /** true: x + attn(norm1 x) + ffn(norm2 x) (GPT-NeoX); false: one after the other. */
  parallelResidual: v.boolean(),
  /** `before`: x + f(norm x); `after`: norm(x + f(x)) (OPT-350m). Absent: `before`. */
  normPlacement: v.optional(v.picklist(['before', 'after'])),
  /** Whether a norm stands behind the last block. Absent: true. */
  finalNorm: v.optional(v.boolean()),
  /** The head is the embedding table itself. */
  tiedHead: v.boolean(),
});

export const gated = v.object({
  /** Gated cross-attention stands before these 0-based decoder blocks, ascending. */
  before: v.array(natural),
  heads: count,
  headDim: count,
  norm,
  feedForward,
  /** One gate for the layer, or one per channel. tanh is applied to the stored value at load. */
  gate: v.picklist(['scalar', 'vector']),
  /** Normalisation of every head of q and of the media's keys, or none. */
  qkNorm: v.optional(v.nullable(norm)),
  /** Grouped heads: query head h reads key/value head floor(h / (heads / kvHeads)). Absent: as many as query heads. */
  kvHeads: v.optional(count),
  /** `replace`: the blocks of `before` have no self-attention, the gated layer is all they are. Absent: `before`. */
  placement: v.optional(v.picklist(['before', 'replace'])),
  /** What a token sees of the media at or before it: the last one, the last run of adjacent ones, or all. Absent: `last`. */
  sees: v.optional(v.picklist(['last', 'adjacent', 'all'])),
  /**
   * What happens to tokens before the first medium. `no-attention`: cross-attention gives 0, the feed-forward acts. `no-feed-forward`: they attend to every medium
   * of the prompt with all its padding, the feed-forward gives 0; a prompt without media skips the layer. Absent: `no-attention`.
   */
  lead: v.optional(v.picklist(['no-attention', 'no-feed-forward'])),
});

const perceiver = v.object({
  kind: v.optional(v.literal('perceiver')),
  layers: layerCount,
  latents: count,
  heads: count,
  headDim: count,
  norm,
  feedForward,
  /** Normalisation of every head of q and k, or none. */
  qkNorm: v.optional(v.nullable(norm)),
  /** Rows of `resampler.frame_embeddings`; null when the model was not trained with clips. */
  maxFrames: v.nullable(count),
});

/** What stands between the features and the gated layers: a Perceiver Resampler; one linear layer with bias, which makes a latent of every feature; or nothing. */
export const resampler = v.variant('kind', [
  perceiver,
  /** Latents [n, D], n = tiles * patches; `resampler.projection.weight` [D, Dv]. */
  v.object({ kind: v.literal('projection'), latents: count, maxFrames: v.null() }),
  /** Latents [n, Dv] are the features, n = tiles * patches. */
  v.object({ kind: v.literal('none'), latents: count, maxFrames: v.null() }),
]);

export const flamingoConfig = v.pipe(
  v.object({
    vocab: count,
    /** Rows of the embedding table, where tokens have one that the head has none for. Absent: `vocab`. */
    embeddings: v.optional(count),
    /** E, width of embedding and head where it is not D: matrices [D, E] and [E, D] without bias stand between them and the blocks. Absent: D. */
    embeddingWidth: v.optional(count),
    /** D */
    width: count,
    /** Largest position the language model was trained for; the KV cache is never longer. */
    contextLength: count,
    /**
     * What vision.onnx gives for one frame: [patches, width] = [v, Dv]. With `tiles`, a picture is cut into up to so many; its features are [tiles, v, Dv], and those
     * behind the last tile that it fills are padding.
     */
    vision: v.object({ width: count, patches: count, imageSize: count, tiles: v.optional(count) }),
    resampler,
    gated,
    decoder,
  }),
  v.check(
    ({ gated: { before }, decoder: { layers } }) =>
      before.every((block, k) => block < layers && (k === 0 || block > before[k - 1])),
    'the blocks with gated layers are not ascending blocks of the decoder',
  ),
  v.check(
    ({ decoder: { parallelResidual, normPlacement } }) => !parallelResidual || normPlacement !== 'after',
    'the two halves of a block with a parallel residual have their norms before them',
  ),
  v.check(
    ({ gated: { heads, kvHeads = heads } }) => heads % kvHeads === 0,
    'the heads of the gated layers are not divided by their key/value heads',
  ),
  v.check(
    ({ gated: { lead, feedForward: ff } }) => lead !== 'no-feed-forward' || !ff.bias,
    'a feed-forward with biases does not give 0 where its input is 0',
  ),
  v.check(
    ({ resampler: r, vision: { tiles = 1, patches } }) => isPerceiver(r) || r.latents === tiles * patches,
    'without a Perceiver Resampler there is one latent for every feature',
  ),
);

export type Activation = (typeof ACTIVATIONS)[number];
export type NormConfig = v.InferOutput<typeof norm>;
export type FeedForwardConfig = v.InferOutput<typeof feedForward>;
export type PositionConfig = v.InferOutput<typeof position>;
export type DecoderConfig = v.InferOutput<typeof decoder>;
export type GatedConfig = v.InferOutput<typeof gated>;
export type ResamplerConfig = v.InferOutput<typeof resampler>;
export type FlamingoConfig = v.InferOutput<typeof flamingoConfig>;
export type PerceiverConfig = v.InferOutput<typeof perceiver>;

/** Whether features go through a Perceiver Resampler, and not one by one to the gated layers. */
export function isPerceiver(resampler: ResamplerConfig): resampler is PerceiverConfig {
  return resampler.kind === undefined || resampler.kind === 'perceiver';
}

/** The resampler of a model that has one. Throws `internal` for others. */
export function perceiverOf({ resampler: r }: Pick<FlamingoConfig, 'resampler'>): PerceiverConfig {
  if (isPerceiver(r)) return r;
  throw new FlamingoError('internal', 'A Perceiver Resampler was asked for, but this model has none.');
}

/** `unsupported`: what somebody gets who asks a model without a resampler what its resampler attends to. */
export function withoutResampler(): FlamingoError {
  return new FlamingoError('unsupported', 'This model has 0 resampler layers: its latents are its features.', {
    hint: 'Its cross-attention over latents is the attention to patches.',
  });
}

/** Width of the latents that the gated layers read. */
export function latentWidth({ resampler: { kind }, vision, width }: FlamingoConfig): number {
  return kind === 'projection' ? width : vision.width;
}

/** Width of the rows of embedding and head, E. */
export function embeddingWidth({
  embeddingWidth: own,
  width,
}: Pick<FlamingoConfig, 'embeddingWidth' | 'width'>): number {
  return own ?? width;
}

/** The norm behind the last block, where there is one. */
export function finalNorm({ finalNorm: has = true, norm: config }: DecoderConfig): NormConfig | undefined {
  return has ? config : undefined;
}

/** Key/value heads of the gated layers. */
export function mediaHeads({ kvHeads, heads }: GatedConfig): number {
  return kvHeads ?? heads;
}

/** Blocks with self-attention, ascending: all, unless gated layers take the place of some. */
export function selfBlocks({ decoder, gated }: Pick<FlamingoConfig, 'decoder' | 'gated'>): number[] {
  const all = Array.from({ length: decoder.layers }, (_, i) => i);
  return gated.placement === 'replace' ? all.filter((i) => !gated.before.includes(i)) : all;
}

/** Whether a token may see several media, or only a part of one: then a step gives every token a range of media instead of one. */
export function seesRanges({ gated, vision }: Pick<FlamingoConfig, 'gated' | 'vision'>): boolean {
  return (gated.sees ?? 'last') !== 'last' || gated.lead === 'no-feed-forward' || vision.tiles !== undefined;
}
