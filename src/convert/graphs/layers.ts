import { QUANT_BLOCK, type WeightType } from '../../core/dtypes';
import type { Activation, FeedForwardConfig, NormConfig } from '../../format/config';
import { scaleName } from '../../format/tensor-names';
import type { GraphBuilder } from './graph-builder';

/** A graph being built, and the storage type of its matrices. */
export interface Build {
  g: GraphBuilder;
  type: WeightType;
}

/** y [N, outputs] = x [N, columns] W^T (+ bias), W [outputs, columns] in the package's weight type; arithmetic is f32. */
export function linear(
  { g, type }: Build,
  x: string,
  name: string,
  outputs: number,
  columns: number,
  bias = false,
): string {
  const b = bias ? [g.weight(name.replace(/\.weight$/, '.bias'), 'f32', [outputs])] : [];
  if (type === 'f32' || type === 'f16') {
    const stored = g.weight(name, type, [outputs, columns]);
    const weight = type === 'f16' ? g.cast(stored, 'f32') : stored;
    return g.op('Gemm', [x, weight, ...b], { transB: 1 });
  }
  const { codes, scale, bits } = quantized({ g, type }, name, outputs, columns);
  const attributes = { K: columns, N: outputs, bits, block_size: QUANT_BLOCK, accuracy_level: 1 };
  const product = g.op('MatMulNBits', [x, codes, g.cast(scale, 'f32')], attributes, 'com.microsoft');
  return bias ? g.add(product, b[0]) : product;
}

/** Rows of a table [rows, columns] for ids [N]: [N, columns], f32. Quantised rows are unpacked with standard operators. */
export function tableRows({ g, type }: Build, name: string, ids: string, rows: number, columns: number): string {
  if (type === 'f32') return g.gather(g.weight(name, 'f32', [rows, columns]), ids);
  if (type === 'f16') return g.cast(g.gather(g.weight(name, 'f16', [rows, columns]), ids), 'f32');
  const { codes, scale, bits } = quantized({ g, type }, name, rows, columns);
  const blocks = Math.ceil(columns / QUANT_BLOCK);
  const picked = g.gather(codes, ids);
  const values = bits === 8 ? g.sub(g.cast(picked, 'f32'), g.scalar(128)) : nibbles(g, picked, blocks);
  // Cast first: a runtime does it once, at load, and then needs no f16 arithmetic.
  const scales = g.unsqueeze(g.gather(g.cast(scale, 'f32'), ids), -1);
  const flat = g.reshape(g.mul(values, scales), [-1, blocks * QUANT_BLOCK]);
  if (columns === blocks * QUANT_BLOCK) return flat;
  return g.op('Slice', [flat, g.ints([0]), g.ints([columns]), g.ints([1])]);
}

/** Bytes [N, blocks, 16] -> values [N, blocks, 32], low nibble first, zero point 8. */
function nibbles(g: GraphBuilder, bytes: string, blocks: number): string {
  // Arithmetic instead of bit operators: high = floor(b / 16), low = b - 16 high; exact in f32, and every runtime has it.
  const value = g.cast(bytes, 'f32');
  const high = g.op('Floor', [g.mul(value, g.scalar(1 / 16))]);
  const low = g.sub(value, g.mul(high, g.scalar(16)));
  const pairs = g.concat([g.unsqueeze(low, -1), g.unsqueeze(high, -1)], -1);
  return g.sub(g.reshape(pairs, [-1, blocks, QUANT_BLOCK]), g.scalar(8));
}

function quantized({ g, type }: Build, name: string, rows: number, columns: number) {
  const blocks = Math.ceil(columns / QUANT_BLOCK);
  const bits = type === 'q8' ? 8 : 4;
  const codes = g.weight(name, 'u8', [rows, blocks, (QUANT_BLOCK * bits) / 8]);
  return { codes, scale: g.weight(scaleName(name), 'f16', [rows, blocks]), bits };
}

/** Normalisation over the last axis, which has `width` elements. */
export function normalize(
  { g }: Build,
  x: string,
  name: string,
  { kind, eps, bias }: NormConfig,
  width: number,
): string {
  const weight = g.weight(`${name}.weight`, 'f32', [width]);
  const b = bias ? [g.weight(`${name}.bias`, 'f32', [width])] : [];
  if (kind === 'layer') return g.op('LayerNormalization', [x, weight, ...b], { axis: -1, epsilon: { float: eps } });
  const mean = g.op('ReduceMean', [g.mul(x, x), g.ints([-1])], { keepdims: 1 });
  const normed = g.op('Div', [x, g.op('Sqrt', [g.add(mean, g.scalar(eps))])]);
  const scaled = g.mul(normed, weight);
  return bias ? g.add(scaled, b[0]) : scaled;
}

/** Normalisation of every head of x [B, heads, T, d], where the model has one. */
export function normalizeHeads(build: Build, x: string, name: string, norm: NormConfig | null | undefined, d: number) {
  return norm ? normalize(build, x, name, norm, d) : x;
}

export function activate({ g }: Build, x: string, activation: Activation): string {
  switch (activation) {
    case 'none':
      return x;
    case 'gelu':
      return g.op('Gelu', [x]);
    case 'gelu-tanh':
      return g.op('Gelu', [x], { approximate: 'tanh' });
    case 'quick-gelu':
      return g.mul(x, g.op('Sigmoid', [g.mul(x, g.scalar(1.702))]));
    case 'relu':
      return g.op('Relu', [x]);
    case 'relu2': {
      const positive = g.op('Relu', [x]);
      return g.mul(positive, positive);
    }
    case 'silu':
      return g.mul(x, g.op('Sigmoid', [x]));
  }
}

/** down(act(up(x))), or down(act(gate) * value) when gated. x [N, width]. */
export function feedForward(
  build: Build,
  x: string,
  at: string,
  { inner, activation, gated, bias }: FeedForwardConfig,
  width: number,
): string {
  const { g } = build;
  const up = linear(build, x, `${at}.up.weight`, gated ? 2 * inner : inner, width, bias);
  let hidden: string;
  if (gated) {
    const [gate, value] = g.split(up, [inner, inner], -1);
    hidden = g.mul(activate(build, gate, activation), value);
  } else {
    hidden = activate(build, up, activation);
  }
  return linear(build, hidden, `${at}.down.weight`, width, inner, bias);
}

/** [N rows of B*T, heads * d] -> [B, heads, T, d]; `batch` is the size of B as tensor [1] or a number. */
export function splitHeads({ g }: Build, x: string, batch: string, heads: number, d: number): string {
  const shape = g.concat([batch, g.ints([-1, heads, d])], 0);
  return g.transpose(g.reshape(x, shape), [0, 2, 1, 3]);
}

/** The inverse: [B, heads, T, d] -> [B*T, heads * d]. */
export function joinHeads({ g }: Build, x: string, heads: number, d: number): string {
  return g.reshape(g.transpose(x, [0, 2, 1, 3]), [-1, heads * d]);
}
