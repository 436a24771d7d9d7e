import { splitQkv as reference, type SplitSizes } from '../../reference/position/split-qkv';
import { uniform } from '../../reference/random';
import { describeKernel } from '../../testing/describe-kernel';
import { splitQkv } from './split-qkv';

type Variant = Pick<SplitSizes, 'pairing' | 'norm' | 'kind' | 'clip'> & { bias: boolean; tree?: boolean };
const plain: Variant = { pairing: 'none', norm: 'none', kind: 'layer', bias: false };
const variants: Record<string, Variant> = {
  plain,
  'half rotary': { ...plain, pairing: 'half' },
  'half rotary of a tree': { ...plain, pairing: 'half', tree: true },
  'interleaved rotary': { ...plain, pairing: 'interleaved' },
  'layer norm over the width, clipped': { ...plain, norm: 'width', clip: 0.5 },
  'layer norm per head with bias, rotary': { ...plain, norm: 'head', bias: true, pairing: 'half' },
  'rms norm per head, rotary': { ...plain, norm: 'head', kind: 'rms', pairing: 'half' },
};
const shapes = [
  { rows: 1, position: 0, heads: 1, kvHeads: 1, d: 2, dims: 2 },
  { rows: 5, position: 3, heads: 4, kvHeads: 2, d: 12, dims: 4 },
  { rows: 3, position: 9, heads: 3, kvHeads: 3, d: 66, dims: 66 },
];

await describeKernel(
  splitQkv,
  Object.fromEntries(
    Object.entries(variants).flatMap(([name, variant]) =>
      shapes.map((shape) => [
        `${name} ${JSON.stringify(shape)}`,
        (round: (values: Float32Array) => Float32Array) => {
          const { rows, position, heads, kvHeads, d, dims } = shape;
          const capacity = position + rows + 2;
          const qkv = round(uniform(rows * (heads + 2 * kvHeads) * d, -2, 2, 1));
          const widths = variant.norm === 'width' ? { q: heads * d, k: kvHeads * d } : { q: d, k: d };
          const vector = (length: number, seed: number) => Array.from(uniform(length, 0.5, 1.5, seed));
          const norm = (width: number, seed: number) => ({
            weight: vector(width, seed),
            bias: variant.bias ? vector(width, seed + 1) : undefined,
          });
          const norms = { q: norm(widths.q, 2), k: norm(widths.k, 4) };
          const table = uniform((position + rows) * dims, -1, 1, 6);
          const at = Array.from({ length: rows }, (_, r) => position + ((r * 3) % rows));
          const places = variant.tree ? at : undefined;
          const want = reference(qkv, norms, table, { ...shape, ...variant, eps: 1e-5, places });
          const cache = (rowsOf: number[]) => {
            const all = new Float64Array(kvHeads * capacity * d).fill(Number.NaN); // slots outside are not compared; guards are
            rowsOf.forEach((value, i) => {
              const [r, h, c] = [Math.floor(i / (kvHeads * d)), Math.floor(i / d) % kvHeads, i % d];
              all[(h * capacity + position + r) * d + c] = value;
            });
            return all;
          };
          const packed = [norms.q.weight, norms.q.bias ?? [], norms.k.weight, norms.k.bias ?? []].flat();
          return {
            params: { rows, position, capacity, heads, kv_heads: kvHeads, d, dims, eps: 1e-5, clip: variant.clip ?? 0 },
            overrides: {
              PAIRING: { none: 0, half: 1, interleaved: 2 }[variant.pairing],
              QK_NORM: { none: 0, width: 1, head: 2 }[variant.norm],
              NORM_KIND: variant.kind === 'layer' ? 1 : 2,
              QK_BIAS: Number(variant.bias),
              CLIP: Number(variant.clip !== undefined),
              TREE: Number(variant.tree ?? false),
            },
            buffers: {
              qkv,
              norms: Float32Array.from(packed),
              rotary: table,
              places: Uint32Array.from(at),
              q: rows * heads * d,
              key_cache: kvHeads * capacity * d,
              value_cache: kvHeads * capacity * d,
            },
            elem: ['qkv', 'q', 'key_cache', 'value_cache'],
            expected: { q: want.q, key_cache: cache(want.k), value_cache: cache(want.v) },
          };
        },
      ]),
    ),
  ),
);
