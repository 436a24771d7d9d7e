import type { WeightType } from '../../core/dtypes';
import type { Activation } from '../../format/config';
import { GraphBuilder, type GraphPlan } from './graph-builder';
import { activate, type Build, joinHeads, linear, normalize, splitHeads } from './layers';

/** A vision transformer of CLIP's kind as data. */
export interface VisionConfig {
  imageSize: number;
  patch: number;
  width: number;
  layers: number;
  heads: number;
  inner: number;
  activation: Activation;
  eps: number;
  /** The patch embedding has a bias, as SigLIP's has. Default false. */
  patchBias?: boolean;
  /** A class token stands before the patches, as in CLIP. Default true. */
  classToken?: boolean;
  /** A norm before the first block, as CLIP has. Default true. */
  preNorm?: boolean;
  /**
   * The norm after the last block is applied to the features. Default false, as in Hugging Face's last_hidden_state and the tokens of older open_clip
   * versions; the tokens of newer ones come after it.
   */
  postNorm?: boolean;
  /** Whether the class token is one of the features, the first. Default false. */
  keepClass?: boolean;
  /** CLIP's embedding of the whole picture is a second output: the class token, behind the final norm, projected. Default: none. */
  embedding?: { embedding: number; projection: 'columns' | 'rows' };
}

/** Patches of one picture. What is left over at its right and lower edge makes none. */
function patchesOf({ imageSize, patch }: VisionConfig): number {
  return Math.floor(imageSize / patch) ** 2;
}

/** Features of one picture. */
export function visionPatches(config: VisionConfig): number {
  const { classToken = true, keepClass = false } = config;
  return patchesOf(config) + Number(classToken && keepClass);
}

/** Canonical names of the encoder's tensors and their shapes. */
export function visionTensors(config: VisionConfig): [string, number[]][] {
  const { patch, width: W, layers, inner, patchBias, classToken = true, preNorm = true, postNorm = false } = config;
  const { embedding } = config;
  const norm = (at: string): [string, number[]][] => [
    [`${at}.weight`, [W]],
    [`${at}.bias`, [W]],
  ];
  const blocks = Array.from({ length: layers }, (_, i): [string, number[]][] => {
    const at = `vision.blocks.${i}`;
    return [
      ...norm(`${at}.norm1`),
      [`${at}.qkv.weight`, [3 * W, W]],
      [`${at}.qkv.bias`, [3 * W]],
      [`${at}.out.weight`, [W, W]],
      [`${at}.out.bias`, [W]],
      ...norm(`${at}.norm2`),
      [`${at}.up.weight`, [inner, W]],
      [`${at}.up.bias`, [inner]],
      [`${at}.down.weight`, [W, inner]],
      [`${at}.down.bias`, [W]],
    ];
  }).flat();
  return [
    ['vision.patch.weight', [W, 3, patch, patch]],
    ...(patchBias ? [['vision.patch.bias', [W]] as [string, number[]]] : []),
    ...(classToken ? [['vision.class', [1, 1, W]] as [string, number[]]] : []),
    ['vision.positions', [1, patchesOf(config) + Number(classToken), W]],
    ...(preNorm ? norm('vision.norm_pre') : []),
    ...blocks,
    ...(postNorm || embedding ? norm('vision.norm_post') : []),
    ...(embedding ? [['vision.projection', projectionShape(embedding, W)] as [string, number[]]] : []),
  ];
}

/**
 * pixels [N,3,S,S] -> features [N,v,W]: the tokens after the last block. Source: open_clip/src/open_clip/transformer.py VisionTransformer;
 * transformers CLIPVisionTransformer and SiglipVisionTransformer.
 */
export function buildVision(config: VisionConfig, type: 'f32' | 'f16'): GraphPlan {
  const g = new GraphBuilder('vision');
  const build: Build = { g, type: type as WeightType };
  const { imageSize: S, width: W, classToken = true } = config;
  const tokens = patchesOf(config) + Number(classToken);
  const pixels = g.input('pixels', 'f32', ['N', 3, S, S]);
  const batch = g.size(pixels, 0);
  const patches = embedPatches(build, config, pixels, batch);
  const placed = g.add(
    classToken ? g.concat([classTokens(build, config, batch), patches], 1) : patches,
    g.weight('vision.positions', 'f32', [1, tokens, W]),
  );
  const norm = { kind: 'layer', eps: config.eps, bias: true } as const;
  const { preNorm = true, postNorm = false, keepClass = false } = config;
  let x = preNorm ? normalize(build, placed, 'vision.norm_pre', norm, W) : placed;
  x = g.reshape(x, [-1, W]);
  for (let i = 0; i < config.layers; i++) x = transformerBlock(build, config, `vision.blocks.${i}`, x, batch);
  const raw = x;
  if (postNorm) x = normalize(build, x, 'vision.norm_post', norm, W);
  const all = g.reshape(x, g.concat([batch, g.ints([-1, W])], 0));
  const features = keepClass || !classToken ? all : g.op('Slice', [all, g.ints([1]), g.ints([tokens]), g.ints([1])]);
  g.output(features, 'features', 'f32', ['N', visionPatches(config), W]);
  if (config.embedding) {
    const first = g.gather(g.reshape(raw, g.concat([batch, g.ints([-1, W])], 0)), g.ints([0], []), 1);
    const pooled = normalize(build, first, 'vision.norm_post', norm, W);
    const { embedding } = config.embedding;
    g.output(project(build, pooled, 'vision.projection', { ...config.embedding, width: W }), 'embedding', 'f32', [
      'N',
      embedding,
    ]);
  }
  return g.plan();
}

/** pixels [N,3,S,S] -> [N, patches, W], patches row by row. */
function embedPatches({ g, type }: Build, config: VisionConfig, pixels: string, batch: string): string {
  const { patch, width: W, patchBias = false } = config;
  const kernel = g.weight('vision.patch.weight', type === 'f16' ? 'f16' : 'f32', [W, 3, patch, patch]);
  const bias = patchBias ? [g.weight('vision.patch.bias', 'f32', [W])] : [];
  const grid = g.op('Conv', [pixels, type === 'f16' ? g.cast(kernel, 'f32') : kernel, ...bias], {
    kernel_shape: [patch, patch],
    strides: [patch, patch],
  });
  return g.transpose(g.reshape(grid, g.concat([batch, g.ints([W, -1])], 0)), [0, 2, 1]);
}

/** The class token, once per picture: [N, 1, W]. */
function classTokens({ g }: Build, { width: W }: VisionConfig, batch: string): string {
  return g.op('Expand', [g.weight('vision.class', 'f32', [1, 1, W]), g.concat([batch, g.ints([1, W])], 0)]);
}

function projectionShape({ embedding: E, projection }: NonNullable<VisionConfig['embedding']>, W: number): number[] {
  return projection === 'rows' ? [E, W] : [W, E];
}

/** x [N, W] -> [N, E], by a matrix that is stored as [E, W] or [W, E]; no bias. */
export function project(
  { g, type }: Build,
  x: string,
  name: string,
  config: { embedding: number; projection: 'columns' | 'rows'; width: number },
): string {
  const stored = g.weight(name, type === 'f16' ? 'f16' : 'f32', projectionShape(config, config.width));
  const weight = type === 'f16' ? g.cast(stored, 'f32') : stored;
  return g.op('Gemm', [x, weight], { transB: Number(config.projection === 'rows') });
}

/** x [N rows of B*T, W] -> the same after a pre-norm transformer block; `mask` [T, T] is added to the scores. */
export function transformerBlock(
  build: Build,
  { width: W, heads, inner, activation, eps }: Pick<VisionConfig, 'width' | 'heads' | 'inner' | 'activation' | 'eps'>,
  at: string,
  x: string,
  batch: string,
  mask?: string,
): string {
  const { g } = build;
  const d = W / heads;
  const norm = { kind: 'layer', eps, bias: true } as const;
  const qkv = linear(build, normalize(build, x, `${at}.norm1`, norm, W), `${at}.qkv.weight`, 3 * W, W, true);
  const [q, k, v] = g.split(qkv, [W, W, W], -1).map((part) => splitHeads(build, part, batch, heads, d));
  const scores = g.matmul(g.mul(q, g.scalar(d ** -0.5)), g.transpose(k, [0, 1, 3, 2]));
  const weights = g.softmax(mask ? g.add(scores, mask) : scores);
  const attended = linear(build, joinHeads(build, g.matmul(weights, v), heads, d), `${at}.out.weight`, W, W, true);
  const after = g.add(x, attended);
  const up = linear(build, normalize(build, after, `${at}.norm2`, norm, W), `${at}.up.weight`, inner, W, true);
  return g.add(after, linear(build, activate(build, up, activation), `${at}.down.weight`, W, inner, true));
}
