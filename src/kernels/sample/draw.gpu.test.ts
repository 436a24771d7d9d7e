import { uniform } from '../../reference/random';
import { draw as reference } from '../../reference/sample/draw';
import { describeKernel } from '../../testing/describe-kernel';
import { draw } from './draw';

const cases = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].flatMap((seed) =>
  [
    { k: 1, temperature: 1, topP: 1, minP: 0.5 },
    { k: 7, temperature: 0.7, topP: 0.9, minP: 0 },
    { k: 100, temperature: 2, topP: 1, minP: 0.3 },
    { k: 256, temperature: 3, topP: 1, minP: 0 },
  ].map((options) => ({ seed: seed * 1_000_003, step: seed, ...options })),
);

await describeKernel(
  draw,
  Object.fromEntries(
    cases.map(({ k, seed, step, temperature, topP, minP }) => [
      JSON.stringify({ k, seed, step, temperature, topP, minP }),
      () => {
        const values = uniform(k, -4, 4, 5).sort().reverse();
        const ids = Uint32Array.from({ length: k }, (_, i) => (i * 7919) % 50021);
        return {
          params: { k, seed, step, temperature, top_p: topP, min_p: minP },
          buffers: { top_values: values, top_ids: ids, token: new Uint32Array(1) },
          expected: { token: [reference([...values], [...ids], { seed, step, temperature, topP, minP })] },
        };
      },
    ]),
  ),
  { f16: false },
);
