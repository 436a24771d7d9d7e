import type { WeightType } from '../../core/dtypes';
import { floatToHalf } from '../../core/half';
import type { FlamingoConfig } from '../../format/config';
import { decoderTensors, resamplerTensors, scaleName, type TensorSpec } from '../../format/tensor-names';
import { randomSource, uniform } from '../random';

/** Seeded random weights of a model in a package's own bytes: norms near 1, products that keep their input's size, all gates `gates` before tanh. */
export function randomWeights(config: FlamingoConfig, type: WeightType, { seed = 1, gates = 0.7 } = {}) {
  const tensors = new Map<string, Uint8Array>();
  [...resamplerTensors(config), ...decoderTensors(config)].forEach((spec, i) => {
    for (const [name, bytes] of encode(spec, type, seed * 1000 + i, gates)) tensors.set(name, bytes);
  });
  return {
    /** Throws when the model has no such tensor. */
    read: async (name: string): Promise<Uint8Array> => {
      const bytes = tensors.get(name);
      if (!bytes) throw new Error(`no tensor ${name}`);
      return bytes;
    },
  };
}

function encode(spec: TensorSpec, type: WeightType, seed: number, gates: number): [string, Uint8Array][] {
  const { name, shape, kind } = spec;
  const length = shape.reduce((a, b) => a * b, 1);
  if (kind === 'vector') {
    if (name.endsWith('_gate')) return [[name, bytes(new Float32Array(length).fill(gates))]];
    const centre = /norm\w*\.weight$/.test(name) ? 1 : 0;
    return [[name, bytes(uniform(length, centre - 0.3, centre + 0.3, seed))]];
  }
  const spread = name === 'embed.weight' ? 1 : Math.sqrt(3 / shape[1]);
  if (type === 'f32') return [[name, bytes(uniform(length, -spread, spread, seed))]];
  if (type === 'f16') return [[name, bytes(Uint16Array.from(uniform(length, -spread, spread, seed), floatToHalf))]];
  const blocks = shape[0] * Math.ceil(shape[1] / 32);
  const next = randomSource(seed);
  const codes = Uint8Array.from({ length: blocks * (type === 'q8' ? 32 : 16) }, () => Math.floor(next() * 256));
  const step = spread / (type === 'q8' ? 128 : 8);
  const scales = Uint16Array.from({ length: blocks }, () => floatToHalf(step * (0.5 + next() / 2)));
  return [
    [name, codes],
    [scaleName(name), bytes(scales)],
  ];
}

function bytes(array: Float32Array | Uint16Array): Uint8Array {
  return new Uint8Array(array.buffer);
}
