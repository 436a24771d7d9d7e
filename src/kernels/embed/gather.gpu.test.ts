import type { WeightType } from '../../core/dtypes';
import { gather as reference } from '../../reference/embed/gather';
import { uniform } from '../../reference/random';
import { describeKernel } from '../../testing/describe-kernel';
import { randomMatrix } from '../../testing/random-weights';
import { STORAGE_CODE } from '../linear/epilogue';
import { gather } from './gather';

const shapes = [
  [1, 1],
  [3, 33],
  [70, 7],
  [2, 300],
];

const kinds: { storage: WeightType; table: boolean; learned: boolean; tree: boolean; withGiven?: boolean }[] = [
  { storage: 'f32', table: true, learned: false, tree: false, withGiven: true },
  { storage: 'f32', table: false, learned: true, tree: false },
  { storage: 'f16', table: true, learned: true, tree: false },
  { storage: 'q8', table: true, learned: false, tree: false },
  { storage: 'q4', table: true, learned: true, tree: true, withGiven: true },
];

const cases = kinds.flatMap((kind) =>
  shapes.map(([rows, cols]) => ({
    name: `${kind.table ? kind.storage : 'positions alone'} [${rows}, ${cols}]`,
    ...kind,
    rows,
    cols,
  })),
);

await describeKernel(
  gather,
  Object.fromEntries(
    cases.map(({ name, storage, table, rows, cols, learned, tree, withGiven = false }) => [
      name,
      () => {
        const vocabulary = 101;
        const isGiven = (r: number) => withGiven && r % 3 === 1;
        const ids = Int32Array.from({ length: rows }, (_, r) => (isGiven(r) ? -1 : (r * 37 + 100) % vocabulary));
        const vectors = uniform(rows * cols, -2, 2, 5).map((value, i) =>
          isGiven(Math.floor(i / cols)) ? value : Number.NaN,
        );
        const given = withGiven ? vectors : new Float32Array(4).fill(Number.NaN);
        const { weight, scale, values } = randomMatrix(storage, vocabulary, cols);
        if (!table) weight.fill(0xff);
        const [position, offset] = [4, 2];
        const used = uniform((position + offset + rows) * cols, -1, 1, 3);
        used.fill(Number.NaN, 0, (position + offset) * cols);
        const places = Array.from({ length: rows }, (_, r) => position + ((r * 5) % rows));
        const positions = learned ? used : new Float32Array(4).fill(Number.NaN);
        return {
          params: { rows, cols, position, offset },
          buffers: {
            ids: new Uint32Array(ids.buffer),
            weight,
            scale,
            positions,
            places: Uint32Array.from(places),
            given,
            y: rows * cols,
          },
          overrides: {
            STORAGE: STORAGE_CODE[storage],
            TABLE: Number(table),
            LEARNED: Number(learned),
            TREE: Number(tree),
            GIVEN: Number(withGiven),
          },
          elem: ['y'],
          expected: {
            y: reference(
              ids,
              table ? values : undefined,
              cols,
              learned ? { positions, position, offset, places: tree ? places : undefined } : undefined,
              given,
            ),
          },
        };
      },
    ]),
  ),
);
