import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answerOf, expectAttention, expectOptionsHold, expectRollout } from '../testing/answer-case';
import { example, goldenModel, goldenPicture } from '../testing/golden-model';
import type { LoadedParts } from './load-with';

/** A class without characters, which linters take for a mistake. */
const NOTHING = '[]';

let model: LoadedParts;
beforeAll(async () => {
  model = await goldenModel('of-neox', 'wasm');
});
afterAll(() => model[Symbol.asyncDispose]());

describe('an answer', () => {
  it('follows every option', () => expectOptionsHold(model, 'of-neox'));

  it('leads to patches where that is asked for', () => expectRollout(model, 'of-neox'));

  it('shows where it looked, and can be made not to look', () => expectAttention(model, 'of-neox'));

  it.each([1, 3])('keeps to an expression or a schema with %s beams', async (numBeams) => {
    await using session = await model.createSession();
    await session.append(example(await session.addMedia(goldenPicture('of-neox', 0))));
    const text = async (responseConstraint: RegExp | Record<string, unknown>) =>
      (await answerOf(session, { numBeams, maxNewTokens: 40, responseConstraint })).map((each) => each.text).join('');
    expect(await text(/ (?:red|blue) (?:cat|dog)s?\./)).toMatch(/^ (?:red|blue) (?:cat|dog)s?\.$/);
    const schema = {
      type: 'object',
      properties: { n: { enum: [1, 22] }, ok: { type: 'boolean' } },
      required: ['n', 'ok'],
    };
    expect([1, 22]).toContain(JSON.parse(await text(schema)).n);
    await expect(text(new RegExp(`a${NOTHING}`))).rejects.toMatchObject({
      code: 'invalid-option',
      message: expect.stringMatching(/0 texts/),
    });
  });

  it('of beams comes token by token, and no sequence of two comes twice where that is asked', async () => {
    await using session = await model.createSession();
    await session.append(example(await session.addMedia(goldenPicture('of-neox', 0))));
    const ids = (await answerOf(session, { numBeams: 4, maxNewTokens: 12, noRepeatNgramSize: 2 })).map(({ id }) => id);
    const pairs = ids.slice(1).map((id, i) => `${ids[i]} ${id}`);
    expect(new Set(pairs).size).toBe(pairs.length);
    const short = await answerOf(session, { numBeams: 4, maxNewTokens: 3, repetitionPenalty: 2 });
    expect(short.length).toBeLessThanOrEqual(4);
  });

  it.each([
    [{ topP: 3 }, /topP is 3; <=1 is expected/],
    [{ numBeams: 3, temperature: 1 }, /3 beams came with a temperature of 1/],
    [{ topLogprobs: 2 }, /topLogprobs is 2, but logprobs is false/],
    [{ topLogprobs: 21, logprobs: true }, /topLogprobs is 21; <=20/],
    [{ visualStrength: 1.5 }, /visualStrength is 1.5; <=1/],
    [{ stop: [''] }, /stop.0/],
    [{ minP: -1 }, /minP is -1; >=0/],
  ])('refuses %j', async (options, message) => {
    await using session = await model.createSession();
    await session.append([{ type: 'text', value: 'Is it?' }]);
    await expect(session.generate(options).next()).rejects.toMatchObject({
      code: 'invalid-option',
      message: expect.stringMatching(message),
    });
  });
});
