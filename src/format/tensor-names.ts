import { paddedColumns, type WeightType } from '../core/dtypes';
import {
  embeddingWidth,
  type FlamingoConfig,
  finalNorm,
  latentWidth,
  mediaHeads,
  type NormConfig,
  perceiverOf,
  selfBlocks,
} from './config';

/**
 * Canonical tensor names of a package and their logical shapes. Matrices are [out, in], row-major, as PyTorch stores them.
 * The same names are the initializers of resampler.onnx and decoder.onnx and the weights of the WGSL engine.
 *
 * A `matrix` is stored in the package's weight type: f32 or f16 as it is; q8 and q4 as uint8 codes under the same name, laid out as
 * MatMulNBits wants them ([out, blocks, 32] or [out, blocks, 16], low nibble first, zero point 128 or 8), and one f16 scale per block
 * under the name with `.weight` replaced by `.scale` ([out, blocks]). A `vector` (norms, gates, biases, latents, embeddings of
 * positions and frames) is always f32.
 */
export interface TensorSpec {
  name: string;
  shape: number[];
  kind: 'matrix' | 'vector';
}

const matrix = (name: string, ...shape: number[]): TensorSpec => ({ name, shape, kind: 'matrix' });
const vector = (name: string, ...shape: number[]): TensorSpec => ({ name, shape, kind: 'vector' });

function normTensors(name: string, { bias }: NormConfig, width: number): TensorSpec[] {
  return [vector(`${name}.weight`, width), ...(bias ? [vector(`${name}.bias`, width)] : [])];
}

/** Norms over one head, which all heads share. */
function headNormTensors(at: string, names: string[], norm: NormConfig | null | undefined, d: number): TensorSpec[] {
  return norm ? names.flatMap((name) => normTensors(`${at}.${name}`, norm, d)) : [];
}

function optional(condition: boolean, ...specs: TensorSpec[]): TensorSpec[] {
  return condition ? specs : [];
}

/** Tensors of resampler.onnx: those of the Perceiver Resampler or the projection, where there is one, and the key/value projections of every gated layer. */
export function resamplerTensors(config: FlamingoConfig): TensorSpec[] {
  const { gated: g } = config;
  const width = latentWidth(config);
  return [
    ...latentTensors(config),
    ...g.before.flatMap((_, k) => [
      matrix(`gated.${k}.to_kv.weight`, 2 * mediaHeads(g) * g.headDim, width), // key rows, then value rows
      ...headNormTensors(`gated.${k}`, ['norm_k'], g.qkNorm, g.headDim),
    ]),
  ];
}

/** What makes latents of features. */
function latentTensors(config: FlamingoConfig): TensorSpec[] {
  if (config.resampler.kind === 'none') return [];
  return config.resampler.kind === 'projection' ? projectionTensors(config) : perceiverTensors(config);
}

function projectionTensors({ vision, width: D }: FlamingoConfig): TensorSpec[] {
  return [matrix('resampler.projection.weight', D, vision.width), vector('resampler.projection.bias', D)];
}

function perceiverTensors(config: FlamingoConfig): TensorSpec[] {
  const r = perceiverOf(config);
  const [Dv, inner] = [config.vision.width, r.heads * r.headDim];
  const layers = Array.from({ length: r.layers }, (_, i) => {
    const at = `resampler.layers.${i}`;
    return [
      ...normTensors(`${at}.norm_media`, r.norm, Dv),
      ...normTensors(`${at}.norm_latents`, r.norm, Dv),
      matrix(`${at}.to_q.weight`, inner, Dv),
      matrix(`${at}.to_kv.weight`, 2 * inner, Dv), // key rows, then value rows
      ...headNormTensors(at, ['norm_q', 'norm_k'], r.qkNorm, r.headDim),
      matrix(`${at}.to_out.weight`, Dv, inner),
      ...normTensors(`${at}.ff.norm`, r.norm, Dv),
      ...feedForwardTensors(`${at}.ff`, r.feedForward, Dv),
    ];
  }).flat();
  return [
    vector('resampler.latents', r.latents, Dv),
    ...(r.maxFrames === null ? [] : [vector('resampler.frame_embeddings', r.maxFrames, Dv)]),
    ...layers,
    ...normTensors('resampler.norm', r.norm, Dv),
  ];
}

/** Tensors of decoder.onnx: embedding, blocks, gated layers without their key/value projections, final norm, head. */
export function decoderTensors(config: FlamingoConfig): TensorSpec[] {
  const { decoder: d, gated: g, width: D, vocab: V } = config;
  const [q, kv] = [d.heads * d.headDim, d.kvHeads * d.headDim];
  const gateShape = g.gate === 'scalar' ? 1 : D;
  const qkWidth = (heads: number) => (d.qkNorm?.over === 'head' ? d.headDim : heads * d.headDim);
  const gatedLayers = g.before.flatMap((_, k) => [
    ...normTensors(`gated.${k}.norm`, g.norm, D),
    matrix(`gated.${k}.to_q.weight`, g.heads * g.headDim, D),
    ...headNormTensors(`gated.${k}`, ['norm_q'], g.qkNorm, g.headDim),
    matrix(`gated.${k}.to_out.weight`, D, g.heads * g.headDim),
    vector(`gated.${k}.attn_gate`, gateShape), // before tanh
    ...normTensors(`gated.${k}.ff.norm`, g.norm, D),
    ...feedForwardTensors(`gated.${k}.ff`, g.feedForward, D),
    vector(`gated.${k}.ff_gate`, gateShape),
  ]);
  const blocks = selfBlocks(config).map((i) => {
    const at = `blocks.${i}`;
    return [
      ...normTensors(`${at}.norm1`, d.norm, D),
      matrix(`${at}.attn.qkv.weight`, q + 2 * kv, D), // all query rows, then key rows, then value rows; head-major
      ...optional(d.bias.qkv, vector(`${at}.attn.qkv.bias`, q + 2 * kv)),
      ...(d.qkNorm ? normTensors(`${at}.attn.q_norm`, d.qkNorm.norm, qkWidth(d.heads)) : []),
      ...(d.qkNorm ? normTensors(`${at}.attn.k_norm`, d.qkNorm.norm, qkWidth(d.kvHeads)) : []),
      matrix(`${at}.attn.out.weight`, D, q),
      ...optional(d.bias.out, vector(`${at}.attn.out.bias`, D)),
      ...normTensors(`${at}.norm2`, d.norm, D),
      ...feedForwardTensors(`${at}.ff`, d.feedForward, D),
    ];
  });
  const E = embeddingWidth(config);
  const last = finalNorm(d);
  return [
    matrix('embed.weight', config.embeddings ?? V, E),
    ...optional(E !== D, matrix('embed.project.weight', D, E)),
    ...(d.position.kind === 'learned' ? [vector('positions.weight', d.position.rows, D)] : []),
    ...gatedLayers,
    ...blocks.flat(),
    ...(last ? normTensors('norm', last, D) : []),
    ...optional(E !== D, matrix('head.project.weight', E, D)),
    ...optional(!d.tiedHead, matrix('head.weight', V, E)),
    ...optional(d.bias.head, vector('head.bias', V)),
  ];
}

function feedForwardTensors(
  at: string,
  { inner, gated, bias }: { inner: number; gated: boolean; bias: boolean },
  width: number,
): TensorSpec[] {
  const rows = gated ? 2 * inner : inner;
  return [
    matrix(`${at}.up.weight`, rows, width),
    ...optional(bias, vector(`${at}.up.bias`, rows)),
    matrix(`${at}.down.weight`, width, inner),
    ...optional(bias, vector(`${at}.down.bias`, width)),
  ];
}

/** Output of resampler.onnx with the attention of one layer. */
export function resamplerAttentionName(layer: number): string {
  return `resampler_attention.${layer}`;
}

/** Name of the f16 block scales that belong to a quantised matrix. */
export function scaleName(weight: string): string {
  return weight.replace(/\.weight$/, '.scale');
}

/** Bytes of a matrix [rows, columns] in the given weight type, scales included. */
export function matrixBytes(type: WeightType, rows: number, columns: number): number {
  const padded = paddedColumns(type, columns);
  const bytesPerBlock = { f32: 128, f16: 64, q8: 34, q4: 18 }[type];
  return (rows * padded * bytesPerBlock) / 32;
}
