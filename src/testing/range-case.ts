import { uniform } from '../reference/random';

/** [slot, seen latents] of every entry, and per row the entries it sees. The second half of a table may show the same media again. */
export const rangeShapes = [
  { media: [[0, 1]], count: 1, ranges: [[0, 1]], heads: 1, kvHeads: 1, d: 1, n: 1 },
  {
    media: [
      [2, 7],
      [0, 3],
    ],
    count: 2,
    ranges: [
      [0, 0],
      [0, 1],
      [0, 2],
      [1, 2],
    ],
    heads: 4,
    kvHeads: 2,
    d: 12,
    n: 7,
  }, // prettier-ignore
  {
    media: [
      [1, 65],
      [3, 2],
      [1, 130],
      [3, 130],
    ],
    count: 2,
    ranges: [
      [2, 4],
      [0, 2],
      [1, 2],
    ],
    heads: 3,
    kvHeads: 1,
    d: 33,
    n: 130,
  }, // prettier-ignore
  {
    media: [
      [3, 64],
      [1, 64],
      [0, 64],
    ],
    count: 3,
    ranges: [[0, 3]],
    heads: 2,
    kvHeads: 2,
    d: 256,
    n: 64,
  },
];

/** Inputs for one shape. Latents that no row sees hold NaN. */
export function rangeCase(shape: (typeof rangeShapes)[number], round: (values: Float32Array) => Float32Array) {
  const { media, ranges, count, heads, kvHeads, d, n } = shape;
  const rows = ranges.length;
  const slots = 4;
  const largest = (slot: number) => Math.max(0, ...media.map(([s, seen]) => (s === slot ? seen : 0)));
  const slotted = (seed: number) => {
    const values = round(uniform(slots * kvHeads * n * d, -2, 2, seed));
    for (let head = 0; head < slots * kvHeads; head++)
      values.fill(Number.NaN, (head * n + largest(Math.floor(head / kvHeads))) * d, (head + 1) * n * d);
    return values;
  };
  return {
    q: round(uniform(rows * heads * d, -2, 2, 1)),
    ranges: Uint32Array.from(ranges.flat()),
    media: Uint32Array.from(media.flat()),
    keys: slotted(2),
    values: slotted(3),
    sizes: { rows, heads, kvHeads, d, n, count, scale: d ** -0.5 },
  };
}
