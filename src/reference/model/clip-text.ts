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

/** What the reference needs to know of CLIP's text tower. */
export interface ReferenceClipText {
  width: number;
  layers: number;
  heads: number;
  inner: number;
  activation: Activation;
  eps: number;
}

/**
 * ids of one text, ends included -> its embedding [E], f64. `text.projection` is [E, W] here. Written from Radford et al. 2021 §2.4: a transformer with masked
 * self-attention; the last token's output, normalised and projected, stands for the text.
 */
export function encodeClipText(config: ReferenceClipText, values: WeightValues, ids: readonly number[]): number[] {
  const { width, layers, inner, activation } = config;
  const norm = { kind: 'layer', eps: config.eps, bias: true } as const;
  const [words, positions] = ['text.tokens.weight', 'text.positions'].map((name) => rowsOf(values(name), width));
  let x = ids.map((id, t) => words[id].map((value, c) => value + positions[t][c]));
  for (let i = 0; i < layers; i++) {
    const at = `text.blocks.${i}`;
    x = add(x, attend(config, at, normalize(x, `${at}.norm1`, norm, values), values));
    x = add(
      x,
      feedForward(
        normalize(x, `${at}.norm2`, norm, values),
        at,
        { inner, activation, gated: false, bias: true },
        values,
      ),
    );
  }
  return linear(normalize(x.slice(-1), 'text.norm', norm, values), values('text.projection'))[0];
}

function attend({ heads, width }: ReferenceClipText, at: string, x: Rows, values: WeightValues): Rows {
  const d = width / heads;
  const qkv = linear(x, values(`${at}.qkv.weight`), values(`${at}.qkv.bias`));
  const part = (k: number) => qkv.map((row) => row.slice(k * width, (k + 1) * width));
  const out = Array.from({ length: heads }, (_, h) => {
    const [q, k, v] = [0, 1, 2].map((which) => head(part(which), h, d));
    return q.map((query, t) => {
      const seen = k.slice(0, t + 1); // itself and what came before
      return mix(softmax(seen.map((key) => dot(query, key) / Math.sqrt(d))), v.slice(0, t + 1));
    });
  });
  const joined = x.map((_, t) => out.flatMap((rows) => rows[t]));
  return linear(joined, values(`${at}.out.weight`), values(`${at}.out.bias`));
}
