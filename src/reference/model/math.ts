import type { FeedForwardConfig, NormConfig } from '../../format/config';
import { activate } from '../linear/activation';

/** A weight's values by canonical name, [out, in] row-major where it is a matrix. */
export type WeightValues = (name: string) => Float64Array;

/** Rows of numbers: the only shape these references know. */
export type Rows = number[][];

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** x W^T (+ b). */
export function linear(x: Rows, weight: Float64Array, bias?: Float64Array): Rows {
  return x.map((row) => {
    const outputs = weight.length / row.length;
    return Array.from({ length: outputs }, (_, o) => {
      return dot(row, weight.subarray(o * row.length, (o + 1) * row.length)) + (bias?.[o] ?? 0);
    });
  });
}

/** LayerNorm: Ba et al. 2016, eq. 3. RMSNorm: Zhang and Sennrich 2019, eq. 4. Weights `<at>.weight` and `<at>.bias`. */
export function normalize(x: Rows, at: string, { kind, eps, bias }: NormConfig, values: WeightValues): Rows {
  const weight = values(`${at}.weight`);
  const shift = bias ? values(`${at}.bias`) : undefined;
  return x.map((row) => {
    const mean = kind === 'layer' ? row.reduce((a, b) => a + b, 0) / row.length : 0;
    const variance = row.reduce((a, b) => a + (b - mean) ** 2, 0) / row.length;
    return row.map((v, c) => ((v - mean) / Math.sqrt(variance + eps)) * weight[c] + (shift?.[c] ?? 0));
  });
}

/** One head's rows, normalised where the model does so. */
export function normalizeHead(rows: Rows, at: string, norm: NormConfig | null | undefined, values: WeightValues): Rows {
  return norm ? normalize(rows, at, norm, values) : rows;
}

/** down(act(up x)); gated (Shazeer 2020): down(act(gate x) * value x), gate rows first. */
export function feedForward(x: Rows, at: string, config: FeedForwardConfig, values: WeightValues): Rows {
  const bias = (name: string) => (config.bias ? values(`${at}.${name}.bias`) : undefined);
  const act = activate[config.activation];
  const up = linear(x, values(`${at}.up.weight`), bias('up'));
  const hidden = config.gated
    ? up.map((row) => Array.from({ length: config.inner }, (_, i) => act(row[i]) * row[config.inner + i]))
    : up.map((row) => row.map(act));
  return linear(hidden, values(`${at}.down.weight`), bias('down'));
}

export function softmax(scores: number[]): number[] {
  const largest = Math.max(...scores);
  const powers = scores.map((s) => Math.exp(s - largest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((p) => p / sum);
}

/** sum_j weights[j] * rows[j] */
export function mix(weights: number[], rows: Rows): number[] {
  return rows[0].map((_, c) => weights.reduce((sum, w, j) => sum + w * rows[j][c], 0));
}

/** Columns of head h. */
export function head(x: Rows, h: number, d: number): Rows {
  return x.map((row) => row.slice(h * d, (h + 1) * d));
}

export function add(a: Rows, b: Rows): Rows {
  return a.map((row, r) => row.map((v, c) => v + b[r][c]));
}

/** [rows, columns] of a flat array. */
export function rowsOf(values: ArrayLike<number>, columns: number): Rows {
  const flat = Array.from(values);
  return Array.from({ length: flat.length / columns }, (_, r) => flat.slice(r * columns, (r + 1) * columns));
}
