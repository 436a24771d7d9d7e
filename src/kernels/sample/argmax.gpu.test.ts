import { argmax as reference } from '../../reference/sample/argmax';
import { describeKernel } from '../../testing/describe-kernel';
import { logitCases } from '../../testing/logit-cases';
import { argmax } from './argmax';

await describeKernel(
  argmax,
  Object.fromEntries(
    Object.entries(logitCases).map(([name, { logits: make, suppress }]) => [
      name,
      (round: (values: Float32Array) => Float32Array) => {
        const logits = round(make());
        return {
          params: { row: 0, vocab: logits.length, suppressed: suppress.length },
          buffers: { logits, suppress: Uint32Array.from([...suppress, 0]), token: new Uint32Array([7]) },
          elem: ['logits'],
          expected: { token: [reference(logits, new Set(suppress))] },
        };
      },
    ]),
  ),
);
