import { expect, test } from 'vitest';
import { ortRuntime } from '../../ort/runtime';
import { frameEmbeddings as reference } from '../../reference/embed/add-frames';
import numpy from '../../testing/numpy-interp.json';
import { graphFiles } from '../../testing/ort-model';
import { frameEmbeddings } from './frame-embeddings';
import { GraphBuilder } from './graph-builder';

/** The embeddings of a clip, alone in a graph. */
async function run(table: Float32Array, rows: number, frames: number): Promise<Float32Array> {
  const cols = table.length / rows;
  const g = new GraphBuilder('frames');
  g.output(frameEmbeddings(g, rows, cols, g.input('F', 'i64', [1])), 'embeddings', 'f32', ['F', cols]);
  const bytes = new Uint8Array(table.buffer);
  const { model, data } = await graphFiles(g.plan(), { read: async () => bytes });
  const ort = await ortRuntime();
  const session = await ort.session('frames.onnx', model, data);
  const { embeddings } = await session.run({ F: ort.longs([frames], [1]) });
  expect(embeddings.dims).toEqual([frames, cols]);
  return (await embeddings.getData()) as Float32Array;
}

test.each(numpy.cases)('$frames frames from $rows embeddings equal numpy.interp', async (numbers) => {
  const { rows, frames, cols, expected } = numbers;
  const table = Float32Array.from(numbers.table);
  const got = await run(table, rows, frames);
  const f64 = reference(table, frames, rows, cols);
  for (const [i, want] of expected.entries()) {
    expect(Math.abs(f64[i] - want)).toBeLessThan(1e-9);
    if (frames <= rows) expect(got[i]).toBe(want);
    else expect(Math.abs(got[i] - want)).toBeLessThan(1e-6);
  }
  expect(got.slice(-cols)).toEqual(table.slice((Math.min(frames, rows) - 1) * cols, Math.min(frames, rows) * cols));
});
