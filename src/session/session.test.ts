import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { example, goldenModel, goldenPicture, sums } from '../testing/golden-model';
import type { LoadedParts } from './load-with';
import type { FlamingoSession, MediaHandle, Part } from './types';

const ANSWERS = [' a red circle', ' two green triangles', ' seven'];

const sample = (index: number) => goldenPicture('of-neox', index);

let model: LoadedParts;
beforeAll(async () => {
  model = await goldenModel('of-neox', 'wasm');
});
afterAll(() => model[Symbol.asyncDispose]());

/** Counters of what has run since it was last asked. */
function meter(session: FlamingoSession) {
  let before = { visionRuns: 0, resamplerRuns: 0, prefilledTokens: 0, decodedTokens: 0 };
  return async () => {
    const { visionRuns, resamplerRuns, prefilledTokens, decodedTokens } = await session.stats();
    const now = { visionRuns, resamplerRuns, prefilledTokens, decodedTokens };
    const difference = Object.fromEntries(
      Object.entries(now).map(([name, count]) => [name, count - before[name as keyof typeof now]]),
    );
    before = now;
    return difference as typeof now;
  };
}

/** Eight examples over four pictures, and a query. */
async function eightShots(session: FlamingoSession) {
  const pictures: MediaHandle[] = [];
  for (const index of [0, 1, 2, 3]) pictures.push(await session.addMedia(sample(index)));
  const shots = Array.from({ length: 8 }, (_, i) => example(pictures[i % 4], ` answer ${i}`));
  return { pictures, shots, query: example(pictures[3]) };
}

/** Scores of a session that has never seen anything else. */
async function cold(parts: readonly Part[]): Promise<number[]> {
  await using session = await model.createSession();
  await session.append(parts);
  return await sums(session, ANSWERS);
}

function expectClose(got: readonly number[], want: readonly number[], bound: number): void {
  expect(got.length).toBe(want.length);
  for (const [i, value] of got.entries()) expect(Math.abs(value - want[i])).toBeLessThan(bound);
}

it('tells the gates as the layers use them: tanh of what the checkpoint has, which is 0.4 to 0.9 in the goldens', () => {
  expect(model.gates.map(({ block }) => block)).toEqual(model.manifest.config.gated.before);
  const values = model.gates.flatMap(({ attention, feedForward }) => [...attention, ...feedForward]);
  expect(values).toHaveLength(2 * model.gates.length);
  for (const value of values) {
    expect(Math.abs(value)).toBeGreaterThanOrEqual(Math.tanh(0.4) - 1e-6);
    expect(Math.abs(value)).toBeLessThanOrEqual(Math.tanh(0.9) + 1e-6);
  }
});

describe('pictures', () => {
  it('are encoded once, whoever adds them, also after everybody let go', async () => {
    await using first = await model.createSession();
    const since = meter(first);
    await since();
    const [a, b] = await Promise.all([first.addMedia(sample(0)), first.addMedia(sample(0))]);
    expect(a.id).not.toBe(b.id);
    await first.removeMedia(a);
    await first.append(example(b)); // the other handle still stands
    await first.removeMedia(b);
    await first.rewind(0);
    await using second = await model.createSession();
    await second.addMedia(sample(0));
    expect(await since()).toMatchObject({ visionRuns: 1, resamplerRuns: 1 });
  });
});

describe('examples', () => {
  it('can be swapped, removed and relabelled without an encoder, and give what a cold run gives', async () => {
    await using session = await model.createSession();
    const { shots, query } = await eightShots(session);
    await session.setContext([...shots, query].flat());
    const since = meter(session);
    await since();
    const swapped = [shots[0], shots[5], ...shots.slice(2, 5), shots[1], ...shots.slice(6), query].flat();
    const removed = [...shots.slice(0, 6), shots[7], query].flat();
    const relabelled = [
      ...shots.slice(0, 7),
      example((shots[7][0] as { value: MediaHandle }).value, ' no'),
      query,
    ].flat();
    for (const parts of [swapped, removed, relabelled]) {
      await session.setContext(parts);
      expectClose(await sums(session, ANSWERS), await cold(parts), 1e-4);
    }
    expect(await since()).toMatchObject({ visionRuns: 0, resamplerRuns: 0 });
  });

  it('are run from the first that differs, and no further back', async () => {
    await using session = await model.createSession();
    const { shots, query } = await eightShots(session);
    const positions: number[] = [];
    for (const shot of [...shots, query]) {
      await session.append(shot);
      positions.push(await session.position());
    }
    const since = meter(session);
    await since();
    await session.setContext([...shots.slice(0, 7), query].flat());
    const length = await session.position();
    // One shot less: what the query and the eighth shot begin with is the same picture or not; at most the query is run, less its last token.
    expect((await since()).prefilledTokens).toBeLessThanOrEqual(length - positions[6] - 1);
    await session.setContext([...shots.slice(0, 7), query].flat());
    expect((await since()).prefilledTokens).toBe(0);
  });

  it('answer many queries through forks, each as a cold run does', async () => {
    await using session = await model.createSession();
    const { pictures, shots } = await eightShots(session);
    await session.append(shots.flat());
    const since = meter(session);
    await since();
    let queries = 0;
    const got: number[][] = [];
    for (let i = 0; i < 10; i++) {
      await using fork = await session.fork();
      await fork.append(example(pictures[i % 4]));
      queries += (await fork.position()) - (await session.position());
      got.push([await fork.score([ANSWERS[i % 3]])].map(([{ sum }]) => sum));
    }
    const { prefilledTokens, decodedTokens } = await since();
    expect(prefilledTokens + decodedTokens).toBeLessThan(queries + 10 * 8); // the candidates' own tokens, never the examples
    for (const i of [0, 5, 9]) {
      const want = await cold([...shots.flat(), ...example(pictures[i % 4])]);
      expectClose(got[i], [want[i % 3]], 1e-3);
    }
  });
});

describe('a dialogue', () => {
  it('prefills only what is new, and its second turn equals a single prompt', async () => {
    await using session = await model.createSession();
    const picture = await session.addMedia(sample(0));
    await session.append(example(picture, ' a red circle'));
    const since = meter(session);
    await since();
    const before = await session.position();
    await session.append(example(picture));
    const { prefilledTokens, decodedTokens } = await since();
    expect(prefilledTokens + decodedTokens).toBe((await session.position()) - before); // one waits from the turn before, one waits for the answer
    const want = await cold([...example(picture, ' a red circle'), ...example(picture)]);
    expectClose(await sums(session, ANSWERS), want, 1e-3);
  });

  it('answers again after an answer that ended by itself', async () => {
    await using session = await model.createSession();
    await session.append(example(await session.addMedia(sample(0))));
    const answer = async () => {
      const ids = [];
      for await (const { id } of session.generate({ maxNewTokens: 3 })) ids.push(id);
      return ids;
    };
    const start = await session.position();
    const first = await answer();
    await answer();
    await session.rewind(start);
    expect(await answer()).toEqual(first);
  });

  it('keeps its context when a new one does not fit', async () => {
    await using session = await model.createSession({ capacity: 40 });
    const picture = await session.addMedia(sample(0));
    await session.append(example(picture, ' yes'));
    const before = await session.tokens();
    const tooLong = Array.from({ length: 9 }, () => example(picture, ' yes')).flat();
    await expect(session.setContext(tooLong)).rejects.toMatchObject({ code: 'context-overflow' });
    await expect(session.setContext(tooLong.slice(0, 3), { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'aborted',
    });
    expect(await session.tokens()).toEqual(before);
  });
});

describe('tokens', () => {
  it('say which picture each of them sees', async () => {
    await using session = await model.createSession();
    const [a, b] = [await session.addMedia(sample(0)), await session.addMedia(sample(3))];
    await session.append([{ type: 'text', value: 'Hello.' }, ...example(a, ' yes'), ...example(b)]);
    const tokens = await session.tokens();
    const { imageTokenId } = model.manifest.prompt;
    const [first, second] = tokens.flatMap(({ id }, t) => (id === imageTokenId ? [t] : []));
    expect(tokens.map(({ seen }) => seen)).toEqual(tokens.map((_, t) => (t < first ? [] : t < second ? [a] : [b])));
  });
});

describe('candidates', () => {
  it('are ranked, with shares that sum to 1', async () => {
    await using session = await model.createSession();
    await session.append(example(await session.addMedia(sample(0))));
    const ranked = await session.classify(ANSWERS);
    const scores = await sums(session, ANSWERS);
    expect(ranked.map(({ sum }) => sum)).toEqual([...scores].sort((a, b) => b - a));
    expect(ranked.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 9);
    expect(Math.log(ranked[0].probability / ranked[1].probability)).toBeCloseTo(ranked[0].sum - ranked[1].sum, 9);
    const byMean = await session.classify(ANSWERS, { by: 'mean' });
    expect(byMean.map(({ mean }) => mean)).toEqual(byMean.map(({ mean }) => mean).sort((a, b) => b - a));
  });

  it('read the context once, however many they are, and leave it as it was', async () => {
    await using session = await model.createSession();
    await session.append([...example(await session.addMedia(sample(0)), ' yes'), { type: 'text', value: ' Then' }]);
    const position = await session.position();
    const words = [' a', ' red', ' cat', ' two', ' boats', ' small', ' town'];
    const fifty = Array.from(
      { length: 50 },
      (_, i) => words[i % 7] + words[Math.floor(i / 7) % 7] + ' sea'.repeat(i % 3) + i,
    );
    const since = meter(session);
    await since();
    const scores = await session.score(fifty);
    const { prefilledTokens, decodedTokens } = await since();
    const own = scores.reduce((sum, { ids }) => sum + ids.length - 1, 0);
    expect(prefilledTokens + decodedTokens).toBe(own + 1); // one: the context's last token, which waited
    expect(await session.position()).toBe(position);
    await using alone = await session.fork();
    for (const i of [3, 49]) expectClose(await sums(alone, [fifty[i]]), [scores[i].sum], 1e-4);
  });

  it('refuse to run out of the context', async () => {
    await using session = await model.createSession({ capacity: 12 });
    await session.append([{ type: 'text', value: 'One two three.' }]);
    const error = await session.score([' a very long candidate that goes on and on']).catch((e) => e);
    expect(error).toMatchObject({ code: 'context-overflow', details: { capacity: 12 } });
  });

  it.each([
    [[], /0 candidates/],
    [[' yes', ''], /Candidate 2 of 2, "", has no words/],
    [[' yes', '  '], /Candidate 2 of 2/],
    [[' no', ' yes', ' no'], /Candidates 1 and 3 are both " no"/],
  ])('refuses %j', async (candidates, message) => {
    await using session = await model.createSession();
    await session.append([{ type: 'text', value: 'Is it?' }]);
    const error = await session.score(candidates).catch((e) => e);
    expect(error).toMatchObject({ code: 'invalid-option', message: expect.stringMatching(message) });
  });
});
