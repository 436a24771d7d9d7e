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

const cases = (['f32', 'f16', 'q8', 'q4'] as WeightType[]).flatMap((storage) =>
  shapes.map(([rows, cols]) => ({
    name: `${storage} [${rows}, ${cols}]`,
    storage,
    rows,
    cols,
    learned: storage === 'f16' || storage === 'q4',
    tree: storage === 'q4',
  })),
);

await describeKernel(
  gather,
  Object.fromEntries(
    cases.map(({ name, storage, rows, cols, learned, tree }) => [
      name,
      () => {
        const vocabulary = 101;
        const ids = Uint32Array.from({ length: rows }, (_, r) => (r * 37 + 100) % vocabulary);
        const { weight, scale, values } = randomMatrix(storage, vocabulary, cols);
        const [position, offset] = [4, 2];
        const used = uniform((position + offset + rows) * cols, -1, 1, 3);
        used.fill(Number.NaN, 0, (position + offset) * cols);
        const places = Array.from({ length: rows }, (_, r) => position + ((r * 5) % rows));
        const positions = learned ? used : new Float32Array(4).fill(Number.NaN);
        return {
          params: { rows, cols, position, offset },
          buffers: { ids, weight, scale, positions, places: Uint32Array.from(places), y: rows * cols },
          overrides: { STORAGE: STORAGE_CODE[storage], LEARNED: Number(learned), TREE: Number(tree) },
          elem: ['y'],
          expected: {
            y: reference(
              ids,
              values,
              cols,
              learned ? { positions, position, offset, places: tree ? places : undefined } : undefined,
            ),
          },
        };
      },
    ]),
  ),
);
