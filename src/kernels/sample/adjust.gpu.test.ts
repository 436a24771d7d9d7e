import { bitMask } from '../../core/sampling';
import { uniform } from '../../reference/random';
import { adjust as reference } from '../../reference/sample/adjust';
import { describeKernel } from '../../testing/describe-kernel';
import { adjust } from './adjust';

const every = (vocab: number, step: number) =>
  new Set(Array.from({ length: vocab }, (_, id) => id).filter((id) => id % step === 0));

await describeKernel(
  adjust,
  Object.fromEntries(
    [1, 32, 97, 600].map((vocab) => [
      `[${vocab}]`,
      (round: (values: Float32Array) => Float32Array) => {
        const logits = round(uniform(vocab, -9, 9, vocab));
        const [seen, allowed] = [every(vocab, 3), every(vocab, 2)];
        const words = Math.ceil(vocab / 32);
        const masks = Uint32Array.from([...bitMask(vocab, seen), ...bitMask(vocab, allowed)]);
        return {
          params: { vocab, words, penalty: 1.3 },
          buffers: { logits, masks, y: vocab },
          elem: ['logits', 'y'],
          expected: { y: reference(logits, { seen, allowed, penalty: 1.3 }) },
        };
      },
    ]),
  ),
);
