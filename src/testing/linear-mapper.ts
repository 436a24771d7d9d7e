import { GraphBuilder } from '../convert/graphs/graph-builder';
import { inlineGraph } from '../convert/graphs/write-graph';
import { uniform } from '../reference/random';

export interface MapperShape {
  input: string;
  /** Of the input, behind its first dimension. */
  from: number[];
  /** Vectors, and their width. */
  to: [number | string, number];
}

/** A mapper as Frozen has it, one linear layer from all it is given, exported as mapper.onnx; and what it makes of a picture, in f64. */
export function linearMapper({ input, from, to: [tokens, width] }: MapperShape, seed = 1) {
  const [inputs, outputs] = [from.reduce((a, b) => a * b, 1), Number(tokens) * width || width];
  const weights = uniform(inputs * outputs, -1 / Math.sqrt(inputs), 1 / Math.sqrt(inputs), seed);
  const g = new GraphBuilder('mapper');
  const flat = g.reshape(g.input(input, 'f32', ['N', ...from]), [-1, inputs]);
  const mapped = g.op('Gemm', [flat, g.weight('mapper.weight', 'f32', [outputs, inputs])], { transB: 1 });
  g.output(g.reshape(mapped, [-1, outputs / width, width]), 'prefix', 'f32', ['N', tokens, width]);
  return {
    model: inlineGraph(g.plan(), () => new Uint8Array(weights.buffer)),
    map: (values: ArrayLike<number>) =>
      Array.from({ length: outputs }, (_, o) => {
        let sum = 0;
        for (let i = 0; i < inputs; i++) sum += weights[o * inputs + i] * values[i];
        return sum;
      }),
  };
}
