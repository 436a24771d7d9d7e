/** Storage types of weights in a package (design: f32 | f16 | q8 | q4). Norms, gates and biases are always f32. */
export type WeightType = 'f32' | 'f16' | 'q8' | 'q4';

/** Weights of one quantisation block share one f16 scale. Rows whose length is not a multiple are padded with zero codes. */
export const QUANT_BLOCK = 32;

/** Length of a row of `columns` weights after padding to whole quantisation blocks; unchanged for f32 and f16. */
export function paddedColumns(type: WeightType, columns: number): number {
  return type === 'q8' || type === 'q4' ? Math.ceil(columns / QUANT_BLOCK) * QUANT_BLOCK : columns;
}
