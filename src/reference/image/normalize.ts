export interface Crop {
  stride: number;
  left: number;
  top: number;
  width: number;
  height: number;
}

/** f64 reference for image/normalize: pixels [., stride, 4] -> [3, height, width]. */
export function normalize(
  pixels: ArrayLike<number>,
  mean: readonly number[],
  std: readonly number[],
  crop: Crop,
): Float64Array {
  const { stride, left, top, width, height } = crop;
  const y = new Float64Array(3 * width * height);
  for (let c = 0; c < 3; c++) {
    for (let r = 0; r < height; r++) {
      for (let k = 0; k < width; k++) {
        const value = pixels[((top + r) * stride + left + k) * 4 + c] / 255;
        y[(c * height + r) * width + k] = (value - mean[c]) / std[c];
      }
    }
  }
  return y;
}
