/**
 * Coefficient tables of an antialiased resize, as Pillow makes them (libImaging/Resample.c, precompute_coeffs and
 * normalize_coeffs_8bpc): shared by the CPU path in media/ and the WGSL kernels in image/.
 */

/** Fixed-point digits of a coefficient: 32 bits less 8 of the value and 2 for the overshoot of the cubic. */
export const PRECISION_BITS = 32 - 8 - 2;

export interface ResampleTable {
  /** Coefficients of one output pixel; unused ones are 0. */
  readonly taps: number;
  /** First input pixel of each output pixel. */
  readonly starts: Int32Array;
  /** Number of input pixels of each output pixel. */
  readonly counts: Int32Array;
  /** [outputs in the window, taps], fixed point with PRECISION_BITS. */
  readonly coefficients: Int32Array;
}

/** Pixels first .. first + count of a line: a crop that is known before the resize costs only what is kept. */
export interface ResampleWindow {
  first: number;
  count: number;
}

/** Pillow's filters, and how far each reaches. */
const FILTERS = {
  bicubic: { support: 2, weight: cubic },
  bilinear: { support: 1, weight: (distance: number) => Math.max(0, 1 - Math.abs(distance)) },
};

export type ResampleFilter = keyof typeof FILTERS;

export function bicubicTable(input: number, output: number, window?: ResampleWindow): ResampleTable {
  return resampleTable('bicubic', input, output, window);
}

/** Table for resizing a line of `input` pixels to `output` pixels, for the outputs in `window` (all of them by default). */
export function resampleTable(
  filter: ResampleFilter,
  input: number,
  output: number,
  { first, count }: ResampleWindow = { first: 0, count: output },
): ResampleTable {
  const scale = input / output;
  const filterScale = Math.max(scale, 1); // shrinking widens the filter: that is the antialiasing
  const support = FILTERS[filter].support * filterScale;
  const taps = Math.ceil(support) * 2 + 1;
  const inverse = 1 / filterScale; // multiplied with, as Pillow does: a division rounds otherwise
  const starts = new Int32Array(count);
  const counts = new Int32Array(count);
  const coefficients = new Int32Array(count * taps);
  for (let i = 0; i < count; i++) {
    const centre = (first + i + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - support + 0.5));
    const end = Math.min(input, Math.trunc(centre + support + 0.5));
    const weights = Array.from({ length: end - start }, (_, k) =>
      FILTERS[filter].weight((k + start - centre + 0.5) * inverse),
    );
    const sum = weights.reduce((a, b) => a + b, 0);
    starts[i] = start;
    counts[i] = end - start;
    weights.forEach((weight, k) => {
      const fixed = (weight / (sum || 1)) * 2 ** PRECISION_BITS;
      coefficients[i * taps + k] = Math.trunc(fixed + (fixed < 0 ? -0.5 : 0.5));
    });
  }
  return { taps, starts, counts, coefficients };
}

interface Size {
  width: number;
  height: number;
}

/**
 * Whether the vertical pass comes first: since Pillow 13, where the height loses more than twice as many pixels as the width. The values between the passes are
 * rounded, so the order shows in the last bit. (Older versions always go across first; the pictures in e2e/goldens were made by this rule.)
 */
export function isDownFirst(from: Size, to: Size): boolean {
  const lost = from.height - to.height;
  return lost > 0 && lost > 2 * (from.width - to.width);
}

/** Keys' cubic with a = -0.5. */
function cubic(distance: number): number {
  const a = -0.5;
  const x = Math.abs(distance);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}
