import { expect, test } from 'vitest';
import { decodeModel } from '../../format/onnx/decode';
import { decoderTensors, resamplerTensors, scaleName } from '../../format/tensor-names';
import { MODEL_VARIANTS } from '../../testing/model-variants';
import { tinyConfig } from '../../testing/tiny-model';
import { buildDecoder } from './decoder';
import { GraphBuilder, type GraphPlan } from './graph-builder';
import { buildResampler } from './resampler';
import { writeGraph } from './write-graph';

const MiB = 1024 * 1024;

/** Writes zeros, keeps only the sizes, and the graph. */
async function write(plan: GraphPlan) {
  const sizes = new Map<string, number>();
  let graph = new Uint8Array();
  await writeGraph(
    plan,
    async function* ({ shape, type }) {
      let left = shape.reduce((a, b) => a * b, 1) * { f32: 4, f16: 2, u8: 1, i8: 1, i32: 4, i64: 8, bool: 1 }[type];
      for (; left > MiB; left -= MiB) yield new Uint8Array(MiB);
      yield new Uint8Array(left);
    },
    {
      write: async (path, bytes) => {
        sizes.set(path, (sizes.get(path) ?? 0) + bytes.length);
        if (path.endsWith('.onnx')) graph = bytes.slice();
      },
    },
  );
  return { sizes, initializers: decodeModel(`${plan.name}.onnx`, graph).initializers };
}

test('data files have at most 256 MiB, and every tensor lies aligned inside its file', async () => {
  const { sizes, initializers } = await write(buildDecoder(tinyConfig({ vocab: 50_001, width: 1000 }), 'f32'));
  const files = [...sizes.keys()].filter((path) => path.includes('.data-'));
  expect(files).toEqual(['decoder.onnx.data-00001', 'decoder.onnx.data-00002']);
  for (const path of files) expect(sizes.get(path)).toBeLessThanOrEqual(256 * MiB);
  const ends = new Map<string, number>();
  for (const { name, data } of initializers.values()) {
    if (data.kind !== 'external') continue;
    expect(data.offset % 256, name).toBe(0);
    expect(data.offset, name).toBeGreaterThanOrEqual(ends.get(data.location) ?? 0);
    ends.set(data.location, data.offset + data.length);
  }
  expect(ends).toEqual(new Map(files.map((path) => [path, sizes.get(path)])));
});

test('a weight of another length than its slot is refused', async () => {
  const pieces = async function* () {
    yield new Uint8Array(3);
  };
  const sink = { write: async () => undefined };
  const writing = writeGraph(buildResampler(tinyConfig(), 'f32'), pieces, sink);
  await expect(writing).rejects.toMatchObject({ code: 'internal', message: expect.stringContaining('3 bytes') });
});

test.each(Object.entries(MODEL_VARIANTS))('%s: the graphs hold exactly the canonical tensors', async (_, config) => {
  for (const type of ['f32', 'f16', 'q8', 'q4'] as const) {
    for (const [plan, specs] of [
      [buildResampler(config, type), resamplerTensors(config)],
      [buildDecoder(config, type), decoderTensors(config)],
    ] as const) {
      const quantised = type === 'q8' || type === 'q4';
      const expected = specs.flatMap(({ name, shape, kind }) => {
        if (kind === 'vector') return [`${name} f32 ${shape}`];
        if (!quantised) return [`${name} ${type} ${shape}`];
        const blocks = Math.ceil(shape[1] / 32);
        return [
          `${name} u8 ${shape[0]},${blocks},${type === 'q8' ? 32 : 16}`,
          `${scaleName(name)} f16 ${shape[0]},${blocks}`,
        ];
      });
      const got = plan.weights.map(({ name, type: stored, shape }) => `${name} ${stored} ${shape}`);
      expect(got.sort()).toEqual(expected.sort());
    }
  }
});

test('a constant keeps its own name and value, whatever others are made before and after', () => {
  const g = new GraphBuilder('g');
  const names: string[] = [];
  for (let i = 0; i < 20; i++) names.push(g.floats([i + 0.5]), g.scalar(i), g.ints([i]), g.ints([i], []));
  expect(new Set(names).size).toBe(names.length);
  const constants = new Map(g.plan().constants.map(({ name, data }) => [name, data]));
  for (const [k, name] of names.entries()) {
    const data = constants.get(name);
    if (k % 4 > 1 || data?.kind !== 'inline') continue;
    expect(new Float32Array(data.bytes.buffer)[0]).toBe(Math.floor(k / 4) + (k % 4 === 0 ? 0.5 : 0));
  }
  expect(g.scalar(3)).toBe(g.scalar(3));
});
