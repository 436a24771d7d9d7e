import type { Activation } from '../../format/config';
import {
  add,
  dot,
  feedForward,
  head,
  linear,
  mix,
  normalize,
  type Rows,
  rowsOf,
  softmax,
  type WeightValues,
} from './math';

/** What the reference needs to know of a vision transformer of CLIP's kind. */
export interface ReferenceVision {
  imageSize: number;
  patch: number;
  width: number;
  layers: number;
  heads: number;
  inner: number;
  activation: Activation;
  eps: number;
  patchBias?: boolean;
  classToken?: boolean;
  preNorm?: boolean;
  postNorm?: boolean;
  keepClass?: boolean;
}

/**
 * pixels [3, S, S] of one picture -> tokens [v, W] of the last block, f64. Written from Dosovitskiy et al. 2020 §3.1 and CLIP's changes to it: a norm
 * before the first block, no bias in the patch embedding. SigLIP (Zhai et al. 2023) has the bias, and neither that norm nor a class token.
 */
export function encodePixels(config: ReferenceVision, values: WeightValues, pixels: ArrayLike<number>): Rows {
  const norm = { kind: 'layer', eps: config.eps, bias: true } as const;
  const positions = rowsOf(values('vision.positions'), config.width);
  const { classToken = true, preNorm = true, postNorm = false, keepClass = false } = config;
  const cut = patches(config, values, pixels);
  const tokens = classToken ? [Array.from(values('vision.class')), ...cut] : cut;
  let x = add(tokens, positions);
  if (preNorm) x = normalize(x, 'vision.norm_pre', norm, values);
  for (let i = 0; i < config.layers; i++) {
    const at = `vision.blocks.${i}`;
    x = add(x, attend(config, at, normalize(x, `${at}.norm1`, norm, values), values));
    const mlp = { inner: config.inner, activation: config.activation, gated: false, bias: true };
    x = add(x, feedForward(normalize(x, `${at}.norm2`, norm, values), at, mlp, values));
  }
  if (postNorm) x = normalize(x, 'vision.norm_post', norm, values);
  return keepClass || !classToken ? x : x.slice(1);
}

/** Each patch, flattened channel by channel, times the kernel: patches row by row. */
function patches(config: ReferenceVision, values: WeightValues, pixels: ArrayLike<number>): Rows {
  const { imageSize: S, patch: P, patchBias } = config;
  const side = Math.floor(S / P); // what is left over at the edges is not seen
  const cut = Array.from({ length: side * side }, (_, p) => {
    const [top, left] = [Math.floor(p / side) * P, (p % side) * P];
    return Array.from({ length: 3 * P * P }, (_, i) => {
      const [channel, y, x] = [Math.floor(i / (P * P)), Math.floor(i / P) % P, i % P];
      return pixels[(channel * S + top + y) * S + left + x];
    });
  });
  return linear(cut, values('vision.patch.weight'), patchBias ? values('vision.patch.bias') : undefined);
}

function attend({ heads, width }: ReferenceVision, at: string, x: Rows, values: WeightValues): Rows {
  const d = width / heads;
  const qkv = linear(x, values(`${at}.qkv.weight`), values(`${at}.qkv.bias`));
  const out = Array.from({ length: heads }, (_, h) => {
    const [q, k, v] = [0, 1, 2].map((part) =>
      head(
        qkv.map((row) => row.slice(part * width, (part + 1) * width)),
        h,
        d,
      ),
    );
    return q.map((query) => mix(softmax(k.map((key) => dot(query, key) / Math.sqrt(d))), v));
  });
  return linear(
    x.map((_, t) => out.flatMap((rows) => rows[t])),
    values(`${at}.out.weight`),
    values(`${at}.out.bias`),
  );
}
