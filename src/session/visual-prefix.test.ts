import { afterAll, beforeAll, expect, it } from 'vitest';
import { goldenModel } from '../testing/golden-model';
import { PREFIX_ANSWERS, PREFIX_TOKENS, prefixModel, prefixPicture, prefixScores } from '../testing/prefix-model';
import type { LoadedParts } from './load-with';
import type { Part } from './types';

let model: LoadedParts;
let map: (values: ArrayLike<number>) => number[];
beforeAll(async () => {
  const made = await prefixModel('wasm');
  model = made.model;
  map = made.mapper.map;
}, 60_000);
afterAll(() => model[Symbol.asyncDispose]());

const scores = async (parts: readonly Part[]) => {
  await using session = await model.createSession();
  await session.append(parts);
  return (await session.score(PREFIX_ANSWERS, { visualStrength: 0 })).map(({ sum }) => sum);
};

const near = (want: readonly number[]) => want.map((value) => expect.closeTo(value, 4));

it('a picture becomes the mapper’s vectors; a clip those of every frame', async () => {
  const { parts, vision, manifest } = model;
  expect(manifest.prefix).toEqual({ input: 'features', tokens: PREFIX_TOKENS });
  const expected = async (index: number) => {
    const { values, frames } = await parts.pixels([prefixPicture(index)]);
    return map(await vision.encode(values, frames));
  };
  const [first, second] = [await expected(0), await expected(1)];
  expect([...(await model.visualPrefix(prefixPicture(0)))]).toEqual(near(first));
  const clip = await model.visualPrefix([prefixPicture(0), prefixPicture(1)]);
  expect([...clip]).toEqual(near([...first, ...second]));
});

it('takes one place per vector, is answered by beams too, and no gated layer takes part', async () => {
  await using session = await model.createSession();
  const { length } = model.tokenizer.beginIds;
  const value = await model.visualPrefix(prefixPicture(0));
  const parts: Part[] = [
    { type: 'vectors', value },
    { type: 'text', value: 'Output:' },
  ];
  await session.append(parts.slice(0, 1));
  expect(await session.position()).toBe(length + PREFIX_TOKENS);
  expect((await session.tokens()).every(({ seen }) => seen.length === 0)).toBe(true);
  const { resamplerRuns } = await session.stats();
  expect(resamplerRuns).toBe(0);
  await session.append(parts.slice(1));
  const answer = async (numBeams: number) => {
    const ids: number[] = [];
    for await (const { id } of session.generate({ maxNewTokens: 4, numBeams, visualStrength: 0 })) ids.push(id);
    await session.setContext(parts);
    return ids;
  };
  expect((await answer(1)).length).toBeGreaterThan(0);
  expect((await answer(3)).length).toBeGreaterThan(0);
});

it('the same vectors are read once; others are read again from there', async () => {
  await using session = await model.createSession();
  const first = await prefixScores(model, session);
  const { prefilledTokens } = await session.stats();
  expect(await prefixScores(model, session)).toEqual(near(first)); // made anew, the same values
  expect((await session.stats()).prefilledTokens - prefilledTokens).toBeLessThan(10); // the answers alone
  const value = await model.visualPrefix(prefixPicture(0));
  const text: Part = { type: 'text', value: 'Output:' };
  const changed = value.map((each, i) => (i === 0 ? -each : each));
  expect(await scores([{ type: 'vectors', value: changed }, text])).not.toEqual(
    near(await scores([{ type: 'vectors', value }, text])),
  );
  await session.setContext([{ type: 'vectors', value }, text]);
  await session.setContext([{ type: 'vectors', value: changed }, text]);
  const warm = (await session.score(PREFIX_ANSWERS, { visualStrength: 0 })).map(({ sum }) => sum);
  expect(warm).toEqual(near(await scores([{ type: 'vectors', value: changed }, text])));
});

it('refuses what are no vectors of this model, and packages without a mapper', async () => {
  const { width } = model.manifest.config;
  const refused = (value: Float32Array) => scores([{ type: 'vectors', value }]);
  const options = { code: 'invalid-option', hint: expect.stringContaining('visualPrefix') };
  await expect(refused(new Float32Array(width + 1))).rejects.toMatchObject(options);
  await expect(refused(new Float32Array())).rejects.toMatchObject(options);
  await expect(refused(new Float32Array(width).fill(Number.NaN))).rejects.toMatchObject(options);
  await using plain = await goldenModel('of-opt', 'wasm');
  await using session = await plain.createSession();
  const unsupported = { code: 'unsupported', hint: expect.stringContaining('--mapper') };
  await expect(plain.visualPrefix(prefixPicture(0))).rejects.toMatchObject(unsupported);
  await expect(session.append([{ type: 'vectors', value: new Float32Array(width) }])).rejects.toMatchObject(
    unsupported,
  );
});
