import { PRECISION_BITS, type ResampleTable } from '../../core/resample';

/** Reference for image/resize along rows: pixels [lines, inputs, 4] -> [lines, outputs, 4], in exact integers. */
export function resizeRows(pixels: ArrayLike<number>, inputs: number, outputs: number, table: ResampleTable): number[] {
  const lines = pixels.length / (4 * inputs);
  const out: number[] = [];
  for (let line = 0; line < lines; line++) {
    for (let o = 0; o < outputs; o++) {
      for (let c = 0; c < 4; c++) {
        let sum = 2 ** (PRECISION_BITS - 1);
        for (let k = 0; k < table.counts[o]; k++) {
          sum += table.coefficients[o * table.taps + k] * pixels[(line * inputs + table.starts[o] + k) * 4 + c];
        }
        out.push(Math.min(255, Math.max(0, Math.floor(sum / 2 ** PRECISION_BITS))));
      }
    }
  }
  return out;
}
