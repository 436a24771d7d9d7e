import { ACTIVATIONS, type Activation } from '../../format/config';
import { activate } from '../../reference/linear/activation';
import { describeKernel } from '../../testing/describe-kernel';
import { activationCode } from './epilogue';
import { matvec } from './matvec';

// Every activation over a dense range, as the product of a column of weights with the number 1. f16 is left to the kernels' own tests.
const COUNT = 4096;
const UNUSED = new Float32Array(4).fill(Number.NaN);
const range = (low: number, high: number) =>
  Float32Array.from({ length: COUNT }, (_, i) => low + ((high - low) * i) / (COUNT - 1));

const spans: Record<string, Float32Array> = {
  'from -6 to 6': range(-6, 6),
  'from -1e-2 to 1e-2': range(-1e-2, 1e-2),
  'from -1e4 to 1e4': range(-1e4, 1e4),
};

await describeKernel(
  matvec,
  Object.fromEntries(
    ACTIVATIONS.flatMap((activation: Activation) =>
      Object.entries(spans).map(([span, values]) => [
        `${activation} ${span}`,
        () => ({
          params: { rows: 1, first: 0, outputs: COUNT, cols: 1, eps: 0 },
          buffers: {
            x: Float32Array.of(1),
            norm: UNUSED,
            weight: new Uint32Array(values.slice().buffer),
            scale: new Uint32Array(4),
            bias: UNUSED,
            gate: UNUSED,
            y: new Float32Array(COUNT),
          },
          overrides: { ACTIVATION: activationCode(activation), WG: 32, LANES: 1 },
          elem: ['x', 'y'],
          expected: { y: Float64Array.from(values, activate[activation]) },
        }),
      ]),
    ),
  ),
  { f16: false },
);
