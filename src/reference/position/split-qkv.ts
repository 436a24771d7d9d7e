import { layerNorm } from '../norm/layer-norm';
import { rmsNorm } from '../norm/rms-norm';

export interface SplitSizes {
  rows: number;
  position: number;
  heads: number;
  kvHeads: number;
  d: number;
  dims: number;
  eps: number;
  pairing: 'none' | 'half' | 'interleaved';
  norm: 'none' | 'width' | 'head';
  kind: 'layer' | 'rms';
  clip?: number;
  /** Position of each row where it is not position + r. */
  places?: readonly number[];
}

/** Weight and bias of the norms of q and k. */
export interface SplitNorms {
  q: { weight: number[]; bias?: number[] };
  k: { weight: number[]; bias?: number[] };
}

/** f64 reference for position/split-qkv: qkv [rows, (heads + 2 * kvHeads) * d], table [positions, dims / 2, 2] -> q, k, v by row, [rows, heads or kvHeads, d]. */
export function splitQkv(qkv: ArrayLike<number>, norms: SplitNorms, table: ArrayLike<number>, sizes: SplitSizes) {
  const { rows, position, heads, kvHeads, d, clip, places } = sizes;
  const all = Array.from(qkv, (value) => (clip === undefined ? value : Math.min(clip, Math.max(-clip, value))));
  const width = (heads + 2 * kvHeads) * d;
  const row = (r: number, from: number, count: number) =>
    all.slice(r * width + from * d, r * width + (from + count) * d);
  const turn = (r: number, part: number[]) =>
    part.map((_, i) => turned(part, i, places?.[r] ?? position + r, table, sizes));
  const each = <T>(make: (r: number) => T[]) => Array.from({ length: rows }, (_, r) => make(r)).flat();
  return {
    q: each((r) => turn(r, normalised(row(r, 0, heads), norms.q, sizes))),
    k: each((r) => turn(r, normalised(row(r, heads, kvHeads), norms.k, sizes))),
    v: each((r) => row(r, heads + kvHeads, kvHeads)),
  };
}

function normalised(part: number[], { weight, bias }: SplitNorms['q'], { norm, kind, d, eps }: SplitSizes): number[] {
  if (norm === 'none') return part;
  const cols = norm === 'width' ? part.length : d;
  return Array.from(kind === 'layer' ? layerNorm(part, weight, bias, cols, eps) : rmsNorm(part, weight, cols, eps));
}

/** Element i of heads laid end to end, after the rotary embedding of each head's first dims. */
function turned(
  part: number[],
  i: number,
  position: number,
  table: ArrayLike<number>,
  { d, dims, pairing }: SplitSizes,
): number {
  const c = i % d;
  if (pairing === 'none' || c >= dims) return part[i];
  const half = dims / 2;
  const [pair, first] = pairing === 'half' ? [c % half, c < half] : [Math.floor(c / 2), c % 2 === 0];
  const distance = pairing === 'half' ? half : 1;
  const [cos, sin] = [table[(position * half + pair) * 2], table[(position * half + pair) * 2 + 1]];
  return first ? part[i] * cos - part[i + distance] * sin : part[i] * cos + part[i - distance] * sin;
}
