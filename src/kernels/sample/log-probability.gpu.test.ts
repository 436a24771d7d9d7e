import { uniform } from '../../reference/random';
import { logProbability as reference } from '../../reference/sample/log-probability';
import { describeKernel } from '../../testing/describe-kernel';
import { logProbability } from './log-probability';

const shapes = [
  { rows: 1, vocab: 1, spread: 1 },
  { rows: 3, vocab: 97, spread: 5 },
  { rows: 2, vocab: 5001, spread: 60 }, // exponentials beyond f32
];

await describeKernel(
  logProbability,
  Object.fromEntries(
    shapes.map(({ rows, vocab, spread }) => [
      `[${rows}, ${vocab}] x${spread}`,
      (round: (values: Float32Array) => Float32Array) => {
        const logits = round(uniform(rows * vocab, -spread, spread, 1));
        const targets = Uint32Array.from({ length: rows }, (_, r) => (r * 7919) % vocab);
        return {
          params: { rows, vocab },
          buffers: { logits, targets, y: 2 * rows },
          elem: ['logits'],
          expected: { y: reference(logits, targets, vocab) },
        };
      },
    ]),
  ),
);
