import { paddedColumns, QUANT_BLOCK, type WeightType } from '../core/dtypes';
import { type FlamingoConfig, mediaHeads, selfBlocks } from './config';
import { decoderTensors, resamplerTensors, type TensorSpec } from './tensor-names';

/** Bytes that the WGSL engine takes on the GPU, without scratch buffers, which depend on the length of a prompt's pieces and are tens of MB. */
export interface MemoryNeed {
  /** Resampler, gated layers, language model. */
  weights: number;
  /** Keys and values of the text, for `tokens` tokens. */
  selfKv: number;
  /** Keys and values of the pictures, for `media` pictures. */
  mediaKv: number;
}

/** Bytes of one element of caches: f32 unless `elem: 'f16'` is asked for. */
const ELEM_BYTES = 4;

/**
 * What a model needs on the GPU:
 *
 *     weights  every matrix [out, in]: 4 or 2 bytes an element, or per 32 elements of a row 34 (q8) or 18 (q4); every other tensor 4 bytes an element
 *     selfKv   2 × blocks with self-attention × key heads × head size × tokens × 4
 *     mediaKv  2 × gated layers × key heads × head size × latents × media × 4
 *
 * The vision encoder is not among them: onnxruntime-web runs it in main memory.
 */
export function memoryNeed(config: FlamingoConfig, type: WeightType, tokens: number, media: number): MemoryNeed {
  const specs = [...resamplerTensors(config), ...decoderTensors(config)];
  const { kvHeads, headDim } = config.decoder;
  const perToken = 2 * selfBlocks(config).length * kvHeads * headDim;
  const { before, headDim: mediaDim } = config.gated;
  const perMedium = 2 * before.length * mediaHeads(config.gated) * mediaDim * config.resampler.latents;
  return {
    weights: specs.reduce((sum, spec) => sum + tensorBytes(spec, type), 0),
    selfKv: perToken * tokens * ELEM_BYTES,
    mediaKv: perMedium * media * ELEM_BYTES,
  };
}

function tensorBytes({ kind, shape }: TensorSpec, type: WeightType): number {
  const elements = shape.reduce((a, b) => a * b, 1);
  if (kind === 'vector') return 4 * elements;
  if (type === 'f32' || type === 'f16') return elements * (type === 'f32' ? 4 : 2);
  const blocks = (elements / shape[1]) * (paddedColumns(type, shape[1]) / QUANT_BLOCK);
  return blocks * (type === 'q8' ? 34 : 18);
}
