import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { loadFolder } from '../../session/load-node';
import type { LoadedModel } from '../../session/load-types';
import { defineLanguageModel } from './define';

const FOLDER = 'public/models/flamingo-tiny';
const picture = (name: string) => ({
  type: 'image' as const,
  value: new Blob([readFileSync(`public/samples/${name}.webp`)]),
});
const user = (...content: LanguageModelMessageContent[]): LanguageModelMessage => ({ role: 'user', content });
const assistant = (content: string): LanguageModelMessage => ({ role: 'assistant', content });
const words = (value: string) => ({ type: 'text' as const, value });

/** What browsers have and Node lacks. */
class Progress extends Event {
  constructor(
    name: string,
    readonly init: { loaded: number },
  ) {
    super(name);
  }
  get loaded(): number {
    return this.init.loaded;
  }
}

let model: LoadedModel;
let Model: typeof LanguageModel;
let loads = 0;

beforeAll(async () => {
  vi.stubGlobal('ProgressEvent', Progress);
  model = await loadFolder(FOLDER, { executor: 'wasm' });
  Model = defineLanguageModel(FOLDER, {}, async (_source, { onProgress }) => {
    loads++;
    onProgress?.({ phase: 'weights', loadedBytes: 1, totalBytes: 4 });
    return model;
  });
});

afterAll(async () => {
  vi.unstubAllGlobals();
  await model[Symbol.asyncDispose]();
});

describe('create', () => {
  it('loads the model once, tells how far it is, and counts the initial prompts', async () => {
    expect(await Model.availability()).toBe('downloadable');
    const seen: number[] = [];
    const monitor = (target: CreateMonitor) =>
      target.addEventListener('downloadprogress', ({ loaded }) => seen.push(loaded));
    const [empty, taught] = await Promise.all([
      Model.create({ monitor }),
      Model.create({ initialPrompts: [user(picture('red-circle')), assistant('dax')] }),
    ]);
    expect(loads).toBe(1);
    expect(seen).toEqual([0.25]);
    expect(await Model.availability()).toBe('available');
    expect(empty.contextUsage).toBe(0);
    expect(taught.contextUsage).toBeGreaterThan(4);
    expect(taught.contextWindow).toBe(model.contextLength);
  });

  it.each<[string, LanguageModelCreateOptions, string | RegExp]>([
    [
      'tools',
      { tools: [{ name: 'a', description: '', inputSchema: {}, execute: async () => '' }] },
      'NotSupportedError',
    ],
    ['audio', { expectedInputs: [{ type: 'audio' }] }, 'NotSupportedError'],
    ['pictures as output', { expectedOutputs: [{ type: 'image' }] }, 'NotSupportedError'],
    ['a temperature of 9', { temperature: 9 }, 'TypeError'],
    ['a message without a role', { initialPrompts: [{ content: 'a' } as LanguageModelMessage] }, 'TypeError'],
    ['a picture that is none', { initialPrompts: [user({ type: 'image', value: 'a' })] }, 'TypeError'],
    [
      'an answer with a picture',
      { initialPrompts: [{ ...user(picture('red-circle')), role: 'assistant' }] },
      'TypeError',
    ],
  ])('refuses %s', async (_name, options, name) => {
    await expect(Model.create(options)).rejects.toMatchObject({ name });
  });
});

describe('prompt', () => {
  it('names a new picture by the examples of its initial prompts, the way round that they say', async () => {
    const answers: string[] = [];
    for (const [circle, moon] of [
      ['dax', 'wug'],
      ['wug', 'dax'],
    ]) {
      const session = await Model.create({
        initialPrompts: [
          user(picture('red-circle')),
          assistant(circle),
          user(picture('striped-heart')),
          assistant(moon),
        ],
      });
      answers.push(await session.prompt([user(picture('red-circle'))]));
    }
    expect(answers).toEqual(['dax', 'wug']);
  });

  it('answers a string, in one piece or streamed, and the same in a clone', async () => {
    const session = await Model.create();
    await session.append([user(picture('red-circle'))]);
    const before = session.contextUsage;
    const clone = await session.clone();
    const answer = await session.prompt('What colour is it?');
    expect(answer).toBe('red');
    expect(session.contextUsage).toBeGreaterThan(before);
    let streamed = '';
    for await (const piece of clone.promptStreaming('What colour is it?')) streamed += piece;
    expect(streamed.trim()).toBe(answer);
    expect(clone.contextUsage).toBe(session.contextUsage);
  });

  it('begins an answer as an assistant message with prefix says', async () => {
    const session = await Model.create();
    const question = user(picture('red-circle'), words('What is it?'));
    const rest = await session.prompt([question, { ...assistant('a red'), prefix: true } as LanguageModelMessage]);
    expect(rest).toMatch(/circle/);
  });

  it('measures what it then uses', async () => {
    const session = await Model.create();
    const message = [user(picture('red-circle'), words('What colour is it?'))];
    const measured = await session.measureContextUsage(message);
    expect(session.contextUsage).toBe(0);
    await session.append(message);
    expect(session.contextUsage).toBe(measured);
  });

  it.each<[string, LanguageModelPrompt]>([
    ['no user message', [assistant('hm')]],
    ['audio', [user({ type: 'audio', value: new ArrayBuffer(8) })]],
  ])('leaves the context as it was after %s', async (_name, input) => {
    const session = await Model.create({ initialPrompts: [user(picture('red-circle')), assistant('dax')] });
    const before = session.contextUsage;
    await expect(session.prompt(input)).rejects.toThrow();
    expect(session.contextUsage).toBe(before);
    expect(await session.prompt([user(picture('red-circle'))])).toBe('dax');
  });
});

describe('a full context', () => {
  const turn = [user(words('and '.repeat(300))), assistant('yes')];

  it('leaves the oldest turns out, never the initial prompts, and says so', async () => {
    const session = await Model.create({ initialPrompts: [user(picture('red-circle')), assistant('dax')] });
    const pinned = session.contextUsage;
    let overflows = 0;
    session.addEventListener('contextoverflow', () => overflows++);
    session.oncontextoverflow = () => overflows++;
    const usage: number[] = [];
    for (let i = 0; i < 4; i++) {
      await session.append(turn);
      usage.push(session.contextUsage - pinned);
    }
    const [one] = usage;
    const fit = Math.floor((session.contextWindow - pinned) / one);
    expect(usage).toEqual([1, 2, 3, 4].map((turns) => Math.min(turns, fit) * one));
    expect(overflows).toBe(2 * (4 - fit));
  });

  it('refuses what can never fit, with both numbers', async () => {
    const session = await Model.create();
    const huge = [user(words('and '.repeat(1500)))];
    await expect(session.prompt(huge)).rejects.toMatchObject({
      name: 'QuotaExceededError',
      quota: model.contextLength,
      requested: expect.any(Number),
    });
    expect(session.contextUsage).toBe(0);
  });
});

describe('stopping', () => {
  it('ends with the reason of the signal, before and during an answer', async () => {
    const session = await Model.create();
    const reason = new Error('enough');
    await expect(session.prompt('Hello', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const stop = new AbortController();
    const reader = session.promptStreaming('Hello', { signal: stop.signal }).getReader();
    stop.abort(reason);
    await expect(reader.read().then(() => reader.read())).rejects.toBe(reason);
  });

  it('refuses calls after destroy', async () => {
    const session = await Model.create();
    session.destroy();
    await expect(session.prompt('Hello')).rejects.toMatchObject({ name: 'InvalidStateError' });
  });
});
