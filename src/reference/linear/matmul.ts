import type { Activation } from '../../format/config';
import { activate } from './activation';

/** Everything of a linear layer but x and the weight. */
export interface LinearEpilogue {
  bias?: ArrayLike<number>;
  activation: Activation;
  /** The weight (and bias) holds gate rows, then value rows. */
  pair: boolean;
  /** y before the layer and what v is multiplied with before it is added: 1, one gate, or one per output. */
  residual?: { y: ArrayLike<number>; gate: 1 | ArrayLike<number> };
}

/** f64 reference for linear/matmul. x [rows, cols]; weight [outputs or 2 * outputs, cols], dequantised; returns y [rows, outputs]. */
export function matmul(
  x: ArrayLike<number>,
  weight: ArrayLike<number>,
  cols: number,
  { bias, activation, pair, residual }: LinearEpilogue,
): Float64Array {
  const [rows, outputs] = [x.length / cols, weight.length / cols / (pair ? 2 : 1)];
  const product = (t: number, r: number) => {
    let sum = bias?.[r] ?? 0;
    for (let k = 0; k < cols; k++) sum += x[t * cols + k] * weight[r * cols + k];
    return sum;
  };
  return Float64Array.from({ length: rows * outputs }, (_, i) => {
    const [t, r] = [Math.floor(i / outputs), i % outputs];
    const v = activate[activation](product(t, r)) * (pair ? product(t, r + outputs) : 1);
    if (!residual) return v;
    const { y, gate } = residual;
    return y[i] + v * (gate === 1 ? 1 : gate[gate.length === 1 ? 0 : r]);
  });
}
