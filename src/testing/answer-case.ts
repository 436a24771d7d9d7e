import { expect } from 'vitest';
import { logProbability } from '../core/log-probability';
import { perceiverOf } from '../format/config';
import { openFile } from '../format/file-node';
import { openSafetensors } from '../format/safetensors';
import { decodeImage } from '../media/decode-node';
import { mediaPixels } from '../media/pixels';
import { type Rows, rowsOf } from '../reference/model/math';
import { rollout as reference } from '../reference/model/rollout';
import type { LoadedParts } from '../session/load-with';
import type { AttentionRollout, FlamingoSession, GeneratedToken, GenerateOptions } from '../session/types';
import { example, goldenPicture } from './golden-model';
import { GOLDENS } from './parity';

async function firstLogprob(session: FlamingoSession): Promise<number> {
  const [{ logprob }] = await answerOf(session, { maxNewTokens: 1, logprobs: true });
  return logprob ?? Number.NaN;
}

export async function answerOf(session: FlamingoSession, options: GenerateOptions): Promise<GeneratedToken[]> {
  const start = await session.position();
  const tokens: GeneratedToken[] = [];
  for await (const token of session.generate(options)) tokens.push(token);
  const own = tokens.filter(({ id }) => id >= 0).length;
  expect(await session.position()).toBe(start + own); // the context keeps what was given
  await session.rewind(start);
  return tokens;
}

/** Every option of an answer, on whatever executor the model has: each has the effect that its documentation gives. */
export async function expectOptionsHold(model: LoadedParts, family: string): Promise<void> {
  await using session = await model.createSession();
  await session.append(example(await session.addMedia(goldenPicture(family, 0))));
  const ids = async (options: GenerateOptions) =>
    (await answerOf(session, options)).flatMap(({ id }) => (id < 0 ? [] : [id]));
  const greedy = await answerOf(session, { maxNewTokens: 10, logprobs: true, topLogprobs: 3 });
  const plain = greedy.flatMap(({ id }) => (id < 0 ? [] : [id]));
  expect(await ids({ maxNewTokens: 10 })).toEqual(plain);
  for (const { id, logprob, topLogprobs = [] } of greedy.filter((token) => token.id >= 0)) {
    expect(topLogprobs).toHaveLength(3);
    const logprobs = topLogprobs.map((each) => each.logprob);
    expect(logprobs).toEqual([...logprobs].sort((a, b) => b - a));
    expect(Math.exp(logprobs[0])).toBeLessThan(1);
    const listed = topLogprobs.find((each) => each.id === id);
    if (listed) expect(Math.abs(listed.logprob - logprob!)).toBeLessThan(1e-4);
  }
  const once = await ids({ maxNewTokens: 10, noRepeatNgramSize: 1 });
  expect(new Set(once).size).toBe(once.length);
  expect(await ids({ maxNewTokens: 10, repetitionPenalty: 1e6 })).not.toEqual(plain);
  const drawn = { maxNewTokens: 8, temperature: 1.5, seed: 3 };
  expect(await ids(drawn)).toEqual(await ids(drawn));
  expect(await ids({ ...drawn, seed: 4 })).not.toEqual(await ids(drawn));
  expect(await ids({ ...drawn, minP: 1 })).toEqual(plain.slice(0, 8));
  expect(await ids({ ...drawn, topK: 1 })).toEqual(plain.slice(0, 8));
  await expectStops(session);
}

/** A stop string cut out of the middle of a greedy answer ends it just before. */
async function expectStops(session: FlamingoSession): Promise<void> {
  const whole = (await answerOf(session, { maxNewTokens: 12 })).map(({ text }) => text).join('');
  const stop = whole.slice(Math.floor(whole.length / 2), Math.floor(whole.length / 2) + 3);
  const cut = await answerOf(session, { maxNewTokens: 12, stop: [stop, 'never in there'] });
  expect(cut.map(({ text }) => text).join('')).toBe(whole.slice(0, whole.indexOf(stop)));
}

/**
 * With `rollout` the attention of a step leads to patches: what the latents' own attention and the reference's matrices give for it. A picture that is there gets its
 * rollout by being added again, and costs nothing before.
 */
export async function expectRollout(model: LoadedParts, family: string): Promise<void> {
  await using session = await model.createSession();
  const picture = await session.addMedia(goldenPicture(family, 1));
  await session.append(example(picture));
  const [plain] = await answerOf(session, { maxNewTokens: 1, attention: true });
  expect(plain.attention?.rollout).toBeUndefined();
  const { resamplerRuns } = await session.stats();
  await session.addMedia(goldenPicture(family, 1), { rollout: true });
  await session.addMedia(goldenPicture(family, 1), { rollout: true });
  expect((await session.stats()).resamplerRuns).toBe(resamplerRuns + 1);
  const [{ attention }] = await answerOf(session, { maxNewTokens: 1, attention: true });
  const { config, image } = model.manifest;
  const { heads, latents: n } = perceiverOf(config);
  const pixels = await mediaPixels([goldenPicture(family, 1)], image, decodeImage);
  const features = await model.vision.encode(pixels.values, 1);
  const layers = await model.engine.resamplerAttention(features, 1);
  const columns = config.vision.patches + n;
  const shares = reference(
    layers.map((flat) => Array.from({ length: heads }, (_, h) => rowsOf(flat, columns).slice(h * n, (h + 1) * n))),
  );
  const rows = rowsOf(attention!.probabilities, n);
  const { patches } = config.vision;
  expectLeads(attention!.rollout!, ledTo(shares, rows), patches);
  expect(attention!.rollout!.layers).toHaveLength(attention!.layers);
  for (const [k, layer] of attention!.rollout!.layers.entries())
    expectLeads(layer, ledTo(shares, rows.slice(k * attention!.heads, (k + 1) * attention!.heads)), patches);
}

/** The mean of rows of attention [n], times shares [n, features]. */
function ledTo(shares: Rows, rows: Rows): number[] {
  return shares[0].map((_, x) =>
    rows.reduce((sum, row) => sum + row.reduce((of, p, j) => of + p * shares[j][x], 0) / rows.length, 0),
  );
}

/** One medium's map and class token are the first `patches` columns scaled to sum to 1; the rest of them is with the learned latents. */
function expectLeads({ maps, learned }: AttentionRollout, led: readonly number[], patches: number): void {
  const total = led.slice(0, patches).reduce((a, b) => a + b, 0);
  expect(Math.abs(learned - (1 - total))).toBeLessThan(1e-5);
  expect(maps).toHaveLength(1);
  const { values, classToken, frames, height, width } = maps[0];
  expect(values).toHaveLength(frames * height * width);
  const got = values.length < patches ? [classToken, ...values] : [...values];
  expect(got).toHaveLength(patches);
  for (const [x, value] of got.entries()) expect(Math.abs(value - led[x] / total)).toBeLessThan(1e-5);
}

/** Attention rows are distributions over the latents of the picture that is seen; those of the prompt's last token are upstream's, and so are logits without gates. */
export async function expectAttention(model: LoadedParts, family: string): Promise<void> {
  await using session = await model.createSession();
  const picture = await session.addMedia(goldenPicture(family, 0));
  await session.append(example(picture));
  const { gated, resampler } = model.manifest.config;
  const [first, second] = await answerOf(session, { maxNewTokens: 2, attention: true, logprobs: true });
  for (const { attention } of [first, second]) {
    expect(attention).toMatchObject({ media: [picture], layers: gated.before.length, heads: gated.heads });
    const { probabilities } = attention!;
    expect(probabilities).toHaveLength(gated.before.length * gated.heads * resampler.latents);
    for (let row = 0; row < probabilities.length; row += resampler.latents) {
      const sum = probabilities.slice(row, row + resampler.latents).reduce((a, b) => a + b, 0);
      expect(Math.abs(sum - 1)).toBeLessThan(1e-5);
    }
  }
  expect(second.attention!.probabilities).not.toEqual(first.attention!.probabilities);
  await using golden = await openSafetensors(await openFile(`${GOLDENS}${family}/expected.safetensors`));
  for (let k = 0; k < gated.before.length; k++) {
    const want = await golden.read(`caption/attention.${k}`); // [H, T, n], one picture
    const T = want.length / gated.heads / resampler.latents;
    for (let i = 0; i < gated.heads * resampler.latents; i++) {
      const [h, j] = [Math.floor(i / resampler.latents), i % resampler.latents];
      const got = first.attention!.probabilities[(k * gated.heads + h) * resampler.latents + j];
      expect(Math.abs(got - want[(h * T + T - 1) * resampler.latents + j])).toBeLessThan(1e-4);
    }
  }
  const closed = (await golden.read('two-shot/logits-gates-closed')).slice(-model.manifest.config.vocab);
  await using shots = await model.createSession();
  const answers = [' a red cat on the grass.', ' two boats near the sea.', undefined];
  for (const [i, each] of answers.entries())
    await shots.append(example(await shots.addMedia(goldenPicture(family, i)), each));
  const [{ ids, sum }] = await shots.score([' dog'], { visualStrength: 0 });
  expect(ids).toHaveLength(1);
  expect(Math.abs(sum - logProbability(closed, ids[0]))).toBeLessThan(1e-3);
  const [half] = await session.score([' dog'], { visualStrength: 0.5 });
  const [open] = await session.score([' dog']);
  expect(new Set([sum, half.sum, open.sum]).size).toBe(3);
  expect(Math.abs(first.logprob! - (await firstLogprob(session)))).toBeLessThan(1e-4); // as it was before
}
