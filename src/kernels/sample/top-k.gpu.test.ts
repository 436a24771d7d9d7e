import { topK as reference } from '../../reference/sample/top-k';
import { describeKernel } from '../../testing/describe-kernel';
import { logitCases } from '../../testing/logit-cases';
import { topK } from './top-k';

await describeKernel(
  topK,
  Object.fromEntries(
    Object.entries(logitCases).flatMap(([name, { logits: make, suppress }]) =>
      [1, 7, 256].map((most) => [
        `${name}, k ${most}`,
        (round: (values: Float32Array) => Float32Array) => {
          const logits = round(make());
          const ids = reference(logits, new Set(suppress), most);
          const k = ids.length; // the engine never asks for more than there are
          return {
            params: { row: 0, vocab: logits.length, suppressed: suppress.length, k },
            buffers: {
              logits,
              suppress: Uint32Array.from([...suppress, 0]),
              top_values: k,
              top_ids: new Uint32Array(k),
            },
            elem: ['logits'],
            expected: { top_ids: ids, top_values: ids.map((id) => logits[id]) },
          };
        },
      ]),
    ),
  ),
);
