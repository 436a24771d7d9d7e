import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { WeightType } from '../core/dtypes';
import { floatToHalf, halfToFloat } from '../core/half';
import type { FlamingoConfig } from '../format/config';
import { decodeModel } from '../format/onnx/decode';
import type { OnnxTensor } from '../format/onnx/model';
import { decoderTensors, resamplerTensors, scaleName } from '../format/tensor-names';
import { FAMILIES, GOLDENS } from '../testing/parity';
import { quantizePlainly } from '../testing/plain-quantizer';
import { inTemporaryFolder } from '../testing/temporary-folder';
import { convert } from './convert';

interface Stored extends Omit<OnnxTensor, 'data'> {
  bytes: Uint8Array;
}

/** Every initializer of a package's graphs with its bytes, wherever they lie. */
async function stored(folder: string): Promise<Map<string, Stored>> {
  const all = new Map<string, Stored>();
  for (const graph of ['vision', 'resampler', 'decoder']) {
    const { initializers } = decodeModel(graph, await readFile(join(folder, `${graph}.onnx`)));
    for (const { name, type, shape, data } of initializers.values()) {
      if (data.kind !== 'external') continue;
      const file = await readFile(join(folder, data.location));
      const bytes = Uint8Array.from(file.subarray(data.offset, data.offset + data.length));
      expect(bytes.length, name).toBe(data.length);
      all.set(name, { name, type, shape, bytes });
    }
  }
  return all;
}

const floats = ({ bytes }: Stored) => new Float32Array(bytes.buffer);
const halves = ({ bytes }: Stored) => new Uint16Array(bytes.buffer);
/** One element a byte for q8, two for q4, low half first; stored with `levels` added. */
const codes = ({ bytes }: Stored, levels: number) =>
  (levels === 128 ? [...bytes] : [...bytes].flatMap((byte) => [byte & 15, byte >> 4])).map((code) => code - levels);

function specs(config: FlamingoConfig) {
  const all = [...resamplerTensors(config), ...decoderTensors(config)];
  const names = (kind: string) => all.filter((spec) => spec.kind === kind);
  return { matrices: names('matrix'), vectors: names('vector') };
}

/** Equal element by element; a difference is told with its place. (toEqual is slow on hundreds of thousands of numbers.) */
function expectSame(got: ArrayLike<number>, expected: ArrayLike<number>, label: string): void {
  expect(got.length, label).toBe(expected.length);
  for (let i = 0; i < got.length; i++) if (got[i] !== expected[i]) expect(got[i], `${label} [${i}]`).toBe(expected[i]);
}

/** Codes, scales and errors of a quantised matrix [rows, columns] whose exact values are known. Returns the relative error. */
function expectQuantised(
  label: string,
  tensor: Stored,
  scale: Stored,
  values: Float32Array,
  columns: number,
  levels: number,
): number {
  const expected = quantizePlainly(values, columns, levels);
  const scales = Array.from(halves(scale), halfToFloat);
  const got = codes(tensor, levels);
  expectSame(scales, expected.scales, `${label}, scales`);
  expectSame(got, expected.codes, `${label}, codes`);
  const padded = Math.ceil(columns / 32) * 32;
  let [error, square] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    const at = Math.floor(i / columns) * padded + (i % columns);
    const step = Math.abs(scales[at >> 5]);
    const off = Math.abs(values[i] - got[at] * scales[at >> 5]);
    // Half a step; the code `levels` does not exist, so what would be rounded to it is off by up to one; the scale itself was rounded to f16.
    const steps = Math.abs(values[i]) > (levels - 1.5) * step ? 1 : 0.5;
    if (off > steps * step + levels * (step * 2 ** -11 + 2 ** -25))
      expect(off, `${label} [${i}], a step is ${step}`).toBe(0);
    error += off ** 2;
    square += values[i] ** 2;
  }
  return Math.sqrt(error / square);
}

describe.each(FAMILIES)('%s', (family) => {
  test('f16, q8 and q4 hold exactly what the format says of every value', { timeout: 120_000 }, async () => {
    await inTemporaryFolder(async (folder) => {
      const converted = async (dtype: WeightType) => {
        const report = await convert({ model: GOLDENS + family, out: join(folder, dtype), dtype });
        return { dtype, report, tensors: await stored(join(folder, dtype)) };
      };
      const exact = await converted('f32');
      const { matrices, vectors } = specs(exact.report.config);
      expect(matrices.map(({ name }) => name)).toContain('embed.weight');
      for (const { name, shape } of matrices)
        expect(exact.tensors.get(name), name).toMatchObject({ shape, type: 'f32' });
      for (const { dtype, report, tensors } of [await converted('f16'), await converted('q8'), await converted('q4')]) {
        expect(report.config).toEqual(exact.report.config);
        for (const { name } of vectors)
          expect(tensors.get(name), `${name} in ${dtype}`).toEqual(exact.tensors.get(name));
        const errors = new Map(report.errors.map((error) => [error.name, error.relative]));
        expect(errors.size).toBe(dtype === 'f16' ? 0 : matrices.length);
        for (const { name, shape } of matrices) {
          const [values, tensor] = [floats(exact.tensors.get(name)!), tensors.get(name)!];
          const label = `${name} in ${dtype}`;
          if (dtype === 'f16') expectSame(halves(tensor), Array.from(values, floatToHalf), label);
          else {
            const scale = tensors.get(scaleName(name))!;
            const relative = expectQuantised(label, tensor, scale, values, shape[1], dtype === 'q8' ? 128 : 8);
            expect(errors.get(name), label).toBeCloseTo(relative, 9);
          }
        }
        expectVisionInHalf(exact.tensors, tensors);
      }
    });
  });

  test('the same bytes in give the same bytes out', { timeout: 60_000 }, async () => {
    await inTemporaryFolder(async (folder) => {
      const manifests: string[] = [];
      for (const out of ['first', 'second']) {
        await convert({ model: GOLDENS + family, out: join(folder, out), dtype: 'q4' });
        manifests.push(await readFile(join(folder, out, 'model.json'), 'utf8')); // it holds the sha256 of every other file
      }
      expect(manifests[1]).toBe(manifests[0]);
    });
  });
});

/** The vision tower is not quantised: f16 for its matrices, f32 for everything else. */
function expectVisionInHalf(exact: Map<string, Stored>, small: Map<string, Stored>): void {
  const names = [...exact.keys()].filter((name) => name.startsWith('vision.'));
  expect(names.length).toBeGreaterThan(20);
  for (const name of names) {
    const [wide, narrow] = [exact.get(name)!, small.get(name)!];
    if (wide.shape.length < 2 || /class|positions/.test(name)) expect(narrow, name).toEqual(wide);
    else expectSame(halves(narrow), Array.from(floats(wide), floatToHalf), name);
  }
}
