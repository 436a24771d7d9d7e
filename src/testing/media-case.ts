import { uniform } from '../reference/random';

/** Shapes of media cross-attention: one and several media, rows before the first (-1), more latents than lanes. */
export const mediaShapes = [
  { index: [0], heads: 1, d: 1, n: 1 },
  { index: [-1, -1, 1, 1, 0], heads: 3, d: 12, n: 7 },
  { index: [-1, 0, 2, 2, 2, -1, 1], heads: 2, d: 64, n: 64 },
  { index: [2, 0], heads: 2, d: 33, n: 65 },
  { index: [1], heads: 1, d: 256, n: 130 },
];

/** Inputs for one shape. Slots that no row sees hold NaN. */
export function mediaCase(
  { index, heads, d, n }: (typeof mediaShapes)[number],
  round: (values: Float32Array) => Float32Array,
) {
  const rows = index.length;
  const slots = 4;
  const slotted = (seed: number) => {
    const values = round(uniform(slots * heads * n * d, -2, 2, seed));
    for (let slot = 0; slot < slots; slot++) {
      if (!index.includes(slot)) values.fill(Number.NaN, slot * heads * n * d, (slot + 1) * heads * n * d);
    }
    return values;
  };
  return {
    q: round(uniform(rows * heads * d, -2, 2, 1)),
    index: Int32Array.from(index),
    keys: slotted(2),
    values: slotted(3),
    sizes: { rows, heads, d, n, scale: d ** -0.5 },
  };
}
