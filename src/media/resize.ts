import { isDownFirst, PRECISION_BITS, type ResampleFilter, type ResampleTable, resampleTable } from '../core/resample';
import type { ImageProcessor } from '../format/manifest';
import type { RgbImage } from './image';

/** Which pixels of a resized picture are kept: [width, height] after the resize, and the crop of crop x crop from (left, top). */
export interface CropPlan {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly top: number;
  readonly crop: number;
}

/**
 * Size after the resize and the centre crop. `shorter-side`: the longer side is cut to a whole number, as torchvision and transformers do;
 * the crop's offset is half of what is cut off, rounded half to even (Python's round: torchvision, open_clip) or down (CLIPImageProcessor).
 */
export function planCrop(
  { width, height }: { width: number; height: number },
  { mode, size, crop, cropRounding }: Pick<ImageProcessor, 'mode' | 'size' | 'crop' | 'cropRounding'>,
): CropPlan {
  const short = Math.min(width, height);
  const side = (length: number) => (mode === 'square' || length === short ? size : Math.trunc((size * length) / short));
  const offset = (length: number) => {
    const cut = length - crop;
    const floor = Math.floor(cut / 2);
    return cropRounding === 'round' && cut % 2 !== 0 && floor % 2 !== 0 ? floor + 1 : floor;
  };
  const [w, h] = [side(width), side(height)];
  return { width: w, height: h, left: offset(w), top: offset(h), crop };
}

/** Pillow's bicubic resize with antialiasing, and the centre crop: RGB [crop, crop, 3]. Only what the crop keeps is computed. */
export function resizeAndCrop(image: RgbImage, plan: CropPlan): Uint8Array {
  const { left, top, crop } = plan;
  const across = resampleTable('bicubic', image.width, plan.width, { first: left, count: crop });
  const down = resampleTable('bicubic', image.height, plan.height, { first: top, count: crop });
  return resample(image, plan, across, down);
}

/** Pillow's resize with antialiasing: RGB [height, width, 3]. */
export function resize(image: RgbImage, to: { width: number; height: number }, filter: ResampleFilter): Uint8Array {
  const across = resampleTable(filter, image.width, to.width);
  return resample(image, to, across, resampleTable(filter, image.height, to.height));
}

/**
 * Equal to Pillow to the last bit: fixed-point coefficients, one direction after the other, rounded to 8 bits between (libImaging/Resample.c). `to` is the size of
 * the whole, of which the tables may have a part.
 */
function resample(
  { width, height, data }: RgbImage,
  to: { width: number; height: number },
  across: ResampleTable,
  down: ResampleTable,
): Uint8Array {
  const [columns, lines] = [across.starts.length, down.starts.length];
  if (isDownFirst({ width, height }, to)) return resizeAcross(resizeDown(data, width, 0, down), lines, width, across);
  const firstRow = down.starts[0];
  const rows = down.starts[lines - 1] + down.counts[lines - 1] - firstRow;
  const narrow = resizeAcross(data.subarray(firstRow * width * 3), rows, width, across);
  return resizeDown(narrow, columns, firstRow, down);
}

/** [rows, width, 3] -> [rows, outputs, 3] */
function resizeAcross(source: Uint8Array, rows: number, width: number, table: ResampleTable): Uint8Array {
  const { taps, starts, counts, coefficients } = table;
  const outputs = starts.length;
  const result = new Uint8Array(rows * outputs * 3);
  for (let row = 0, to = 0; row < rows; row++) {
    for (let x = 0; x < outputs; x++, to += 3) {
      let [red, green, blue] = [HALF, HALF, HALF];
      for (let k = 0, from = (row * width + starts[x]) * 3; k < counts[x]; k++, from += 3) {
        const weight = coefficients[x * taps + k];
        red += source[from] * weight;
        green += source[from + 1] * weight;
        blue += source[from + 2] * weight;
      }
      result[to] = clip(red);
      result[to + 1] = clip(green);
      result[to + 2] = clip(blue);
    }
  }
  return result;
}

/** [rows, width, 3], of which the first is row `firstRow` of the picture -> [outputs, width, 3] */
function resizeDown(source: Uint8Array, width: number, firstRow: number, table: ResampleTable): Uint8Array {
  const { taps, starts, counts, coefficients } = table;
  const line = width * 3;
  const result = new Uint8Array(starts.length * line);
  for (let y = 0; y < starts.length; y++) {
    for (let i = 0; i < line; i++) {
      let sum = HALF;
      for (let k = 0, from = (starts[y] - firstRow) * line + i; k < counts[y]; k++, from += line) {
        sum += source[from] * coefficients[y * taps + k];
      }
      result[y * line + i] = clip(sum);
    }
  }
  return result;
}

/** Half of a step of the result: the shift then rounds. */
const HALF = 1 << (PRECISION_BITS - 1);

/** Fixed point to 8 bits. Sums stay below 2^31: 255 * 2^22 * the overshoot of the cubic. */
function clip(sum: number): number {
  const value = sum >> PRECISION_BITS;
  return Math.max(0, Math.min(255, value));
}
