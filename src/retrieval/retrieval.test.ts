import { expect, test } from 'vitest';
import { uniformFromCounter } from '../core/random-counter';
import { readIndex, writeIndex } from './index-file';
import { type IndexSpace, VectorIndex } from './vector-index';
import { cosine, ensembleVector, rankBySimilarity } from './zero-shot';

const code = (code: string) => expect.objectContaining({ code });
const SPACE: IndexSpace = { by: 'features', width: 6, encoder: 'e1' };
const random = (seed: number, width = SPACE.width) =>
  Float32Array.from({ length: width }, (_, i) => uniformFromCounter(seed, i) - 0.5);

/** Vectors that cost little to make. */
const cheap = (seed: number, width: number = SPACE.width) =>
  Float32Array.from({ length: width }, (_, i) => Math.sin((seed + 1.5) * (i + 7.3) ** 1.7));

function filled(n: number, space: IndexSpace = SPACE, make = random): VectorIndex {
  const index = new VectorIndex(space);
  for (let i = 0; i < n; i++) index.add({ id: `p${i}`, label: `label ${i % 3}` }, make(i, space.width));
  return index;
}

test('the k most similar come in ascending order, as comparing all says', () => {
  const index = filled(50);
  const query = random(99);
  const all = Array.from({ length: 50 }, (_, i) => ({ id: `p${i}`, similarity: cosine(query, random(i)) }));
  const expected = all
    .toSorted((a, b) => b.similarity - a.similarity)
    .slice(0, 8)
    .reverse();
  const found = index.nearest(query, 8);
  expect(found.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
  for (const [i, { similarity }] of found.entries()) expect(similarity).toBeCloseTo(expected[i].similarity, 5);
  expect(index.nearest(query, 0)).toEqual([]);
  expect(index.nearest(query, 99)).toHaveLength(50);
});

test('a query’s own picture is left out when asked', () => {
  const index = filled(9);
  expect(index.nearest(random(4), 1)[0].id).toBe('p4');
  expect(index.nearest(random(4), 9, { except: 'p4' }).some(({ id }) => id === 'p4')).toBe(false);
});

test('pictures are added, replaced and removed one by one', () => {
  const index = filled(40);
  index.add({ id: 'p3', label: 'new' }, random(77));
  expect(index.size).toBe(40);
  expect(index.nearest(random(77), 1)).toEqual([{ id: 'p3', label: 'new', similarity: expect.closeTo(1, 5) }]);
  expect(index.remove('p0')).toBe(true);
  expect(index.remove('p0')).toBe(false);
  expect(index.remove('p39')).toBe(true);
  expect(index.size).toBe(38);
  const built = filled(40);
  const names = (from: VectorIndex) =>
    from
      .nearest(random(5), 40)
      .map(({ id }) => id)
      .filter((id) => !['p0', 'p3', 'p39'].includes(id));
  expect(names(index)).toEqual(names(built));
});

test('an index comes back from its bytes, from the middle of a larger buffer too', async () => {
  const index = filled(7);
  const bytes = await writeIndex(index);
  const shifted = new Uint8Array(bytes.length + 3);
  shifted.set(bytes, 3);
  for (const each of [bytes, shifted.subarray(3)]) {
    const again = await readIndex(each, SPACE);
    expect(again.entries()).toEqual(index.entries());
    expect(again.nearest(random(2), 7)).toEqual(index.nearest(random(2), 7));
  }
  expect((await readIndex(await writeIndex(new VectorIndex(SPACE)))).size).toBe(0);
});

test('every damaged byte and every cut is noticed', async () => {
  const bytes = await writeIndex(filled(2));
  for (let at = 0; at < bytes.length; at += 3) {
    const damaged = bytes.slice();
    damaged[at] ^= 1;
    await expect(readIndex(damaged), `byte ${at}`).rejects.toMatchObject({ code: 'bad-file' });
  }
  for (const length of [0, 5, 11, 40, bytes.length - 1])
    await expect(readIndex(bytes.slice(0, length))).rejects.toMatchObject({ code: 'bad-file' });
});

test('an index of another model, kind or width is refused with both', async () => {
  const bytes = await writeIndex(filled(2));
  await expect(readIndex(bytes, { ...SPACE, encoder: 'e2' })).rejects.toThrow(/encoder e1; this model has e2/);
  await expect(readIndex(bytes, { ...SPACE, by: 'clip' })).rejects.toMatchObject({ code: 'shape-mismatch' });
  expect(() => filled(2).nearest([1, 2], 1)).toThrow(code('shape-mismatch'));
  expect(() => filled(2).add({ id: 'x', label: '' }, new Float32Array(6))).toThrow(code('invalid-option'));
  expect(() => filled(2).nearest(random(1), 1.5)).toThrow(code('invalid-option'));
});

test('zero-shot classes are ranked with the softmax of their cosines', () => {
  const texts = [random(1), random(2), random(3)];
  const ranked = rankBySimilarity(random(2), texts, 10);
  expect(ranked[0]).toMatchObject({ index: 1, similarity: expect.closeTo(1, 6) });
  const powers = texts.map((text) => Math.exp(10 * cosine(random(2), text)));
  const total = powers.reduce((a, b) => a + b, 0);
  for (const { index, probability } of ranked) expect(probability).toBeCloseTo(powers[index] / total, 9);
});

test('prompts of one class are averaged as unit vectors', () => {
  const one = ensembleVector([
    [2, 0],
    [0, 0.5],
  ]);
  expect(one[0]).toBeCloseTo(Math.SQRT1_2, 6);
  expect(one[1]).toBeCloseTo(Math.SQRT1_2, 6);
});

test('thousands of pictures are all compared', () => {
  const index = filled(5000, { ...SPACE, width: 48 }, cheap);
  for (const i of [0, 17, 4999]) expect(index.nearest(cheap(i, 48), 32).at(-1)?.id).toBe(`p${i}`);
});
