import { layerNorm } from '../norm/layer-norm';
import { rmsNorm } from '../norm/rms-norm';

export interface SplitQkv {
  position: number;
  capacity: number;
  heads: number;
  kvHeads: number;
  d: number;
  clip?: number;
  norm?: {
    over: 'width' | 'head';
    kind: 'layer' | 'rms';
    eps: number;
    q: { weight: ArrayLike<number>; bias?: ArrayLike<number> };
    k: { weight: ArrayLike<number>; bias?: ArrayLike<number> };
  };
  rotary?: { dims: number; pairing: 'half' | 'interleaved'; angle: (position: number, pair: number) => number };
}

/** f64 reference for position/split-qkv. qkv [rows, (heads + 2 * kvHeads) * d]; caches [kvHeads, capacity, d] are written to. Returns q [rows, heads, d]. */
export function splitQkv(qkv: ArrayLike<number>, keys: Float64Array, values: Float64Array, use: SplitQkv): Float64Array {
  const { position, capacity, heads, kvHeads, d, clip = Number.POSITIVE_INFINITY } = use;
  const width = (heads + 2 * kvHeads) * d;
  const rows = qkv.length / width;
  const q = new Float64Array(rows * heads * d);
  for (let r = 0; r < rows; r++) {
    const part = (from: number, count: number) =>
      Float64Array.from({ length: count * d }, (_, c) => Math.max(-clip, Math.min(clip, qkv[r * width + from * d + c])));
    q.set(turn(normalise(part(0, heads), use, 'q'), position + r, use), r * heads * d);
    const k = turn(normalise(part(heads, kvHeads), use, 'k'), position + r, use);
    const v = part(heads + kvHeads, kvHeads);
    for (let h = 0; h < kvHeads; h++) {
      keys.set(k.subarray(h * d, (h + 1) * d), (h * capacity + position + r) * d);
      values.set(v.subarray(h * d, (h + 1) * d), (h * capacity + position + r) * d);
    }
  }
  return q;
}

function normalise(x: Float64Array, { norm, d }: SplitQkv, which: 'q' | 'k'): Float64Array {
  if (!norm) return x;
  const { weight, bias } = norm[which];
  const cols = norm.over === 'width' ? x.length : d;
  if (norm.kind === 'layer') return layerNorm(x, weight, bias, cols, norm.eps);
  return rmsNorm(x, weight, cols, norm.eps).map((value, i) => value + (bias?.[i % cols] ?? 0));
}

function turn(x: Float64Array, position: number, { rotary, d }: SplitQkv): Float64Array {
  const y = x.slice();
  if (!rotary) return y;
  const half = rotary.dims / 2;
  for (let start = 0; start < x.length; start += d) {
    for (let i = 0; i < half; i++) {
      const [a, b] = rotary.pairing === 'half' ? [start + i, start + i + half] : [start + 2 * i, start + 2 * i + 1];
      const angle = rotary.angle(position, i);
      y[a] = x[a] * Math.cos(angle) - x[b] * Math.sin(angle);
      y[b] = x[b] * Math.cos(angle) + x[a] * Math.sin(angle);
    }
  }
  return y;
}
