import { layerNorm } from '../norm/layer-norm';
import { rmsNorm } from '../norm/rms-norm';
import { type LinearEpilogue, matmul } from './matmul';

export interface RowNorm {
  kind: 'layer' | 'rms';
  weight: ArrayLike<number>;
  bias?: ArrayLike<number>;
  eps: number;
}

/** f64 reference for linear/matvec: rows first .. first + rows - 1 of x, normalised, through linear/matmul. */
export function matvec(
  x: Float32Array,
  weight: ArrayLike<number>,
  cols: number,
  { rows, first, norm, ...epilogue }: LinearEpilogue & { rows: number; first: number; norm?: RowNorm },
): Float64Array {
  const used = x.subarray(first * cols, (first + rows) * cols);
  if (!norm) return matmul(used, weight, cols, epilogue);
  if (norm.kind === 'layer') {
    return matmul(layerNorm(used, norm.weight, norm.bias, cols, norm.eps), weight, cols, epilogue);
  }
  const normed = rmsNorm(used, norm.weight, cols, norm.eps).map((v, i) => v + (norm.bias?.[i % cols] ?? 0));
  return matmul(normed, weight, cols, epilogue);
}
